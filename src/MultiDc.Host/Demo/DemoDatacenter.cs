using System.Diagnostics;

namespace MultiDc.Host.Demo;

/// <summary>One datacenter of the demo: a child process of this executable, its configuration and its log.</summary>
internal sealed class DemoDatacenter(string name, string configurationFile, string logFile) : IDisposable
{
    private Process? process;

    public string Name => name;

    public bool IsRunning => process is { HasExited: false };

    /// <summary>The processor time that its processes have used since the demo began.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            if (process is { HasExited: false } running)
            {
                running.Refresh();
                return ended + running.TotalProcessorTime;
            }

            return ended;
        }
    }

    private TimeSpan ended;

    /// <summary>Starts the process; its output goes to the log. It ends by itself when this process does, because its standard input then ends.</summary>
    public void Start()
    {
        var executable = Environment.ProcessPath ?? throw new InvalidOperationException("the path of this executable is not known");
        var start = new ProcessStartInfo(executable)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        if (Path.GetFileNameWithoutExtension(executable) == "dotnet")
        {
            start.ArgumentList.Add(typeof(DemoDatacenter).Assembly.Location);
        }

        start.ArgumentList.Add(DemoSiloCommand.Name);
        start.ArgumentList.Add(configurationFile);
        process?.Dispose();
        process = Process.Start(start) ?? throw new InvalidOperationException($"{executable} did not start");
        var log = TextWriter.Synchronized(new StreamWriter(logFile, append: true) { AutoFlush = true });
        process.OutputDataReceived += (_, line) => Write(line.Data);
        process.ErrorDataReceived += (_, line) => Write(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();

        void Write(string? line)
        {
            if (line is not null)
            {
                log.WriteLine(line);
            }
        }
    }

    /// <summary>Ends the process without ceremony (SIGKILL) and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        if (process is { HasExited: false } running)
        {
            running.Refresh();
            ended += running.TotalProcessorTime;
            running.Kill();
            await running.WaitForExitAsync();
        }
    }

    /// <summary>What went wrong, when the process has ended by itself.</summary>
    public string DescribeExit() => $"datacenter {name} ended with exit code {process?.ExitCode}; its log is {logFile}";

    public void Dispose()
    {
        if (process is { HasExited: false } running)
        {
            running.Kill();
            running.WaitForExit();
        }

        process?.Dispose();
    }
}
