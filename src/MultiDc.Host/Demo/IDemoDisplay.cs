using HdrHistogram;
using Spectre.Console;

namespace MultiDc.Host.Demo;

/// <summary>Shows how the demo goes.</summary>
internal interface IDemoDisplay : IDisposable
{
    /// <summary>Something happened.</summary>
    void Say(string line);

    /// <summary>How things stand, every second or so.</summary>
    void Show(DemoStatus status, IReadOnlyList<DemoDatacenter> datacenters, double operationsPerSecond, HistogramBase latencies);
}

/// <summary>One line per event, and one every few seconds: for files, pipes and logs.</summary>
internal sealed class PlainDisplay(TextWriter output, TimeProvider time) : IDemoDisplay
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(5);
    private readonly long startedAt = time.GetTimestamp();
    private TimeSpan nextAt;

    private TimeSpan Elapsed => time.GetElapsedTime(startedAt);

    public void Say(string line) => output.WriteLine($"{Elapsed.TotalSeconds,6:0.0} s  {line}");

    public void Show(DemoStatus status, IReadOnlyList<DemoDatacenter> datacenters, double operationsPerSecond, HistogramBase latencies)
    {
        if (Elapsed >= nextAt)
        {
            nextAt = Elapsed + Period;
            var places = status.Datacenters.Zip(datacenters, static (s, d) => d.IsRunning ? $"{s.Name} leads {s.Leading.Count} lag {s.Lag}" : $"{s.Name} dead");
            Say($"{string.Join(" | ", places)} | {operationsPerSecond:0} ops/s, p50 {Milliseconds(latencies, 50)}, p99 {Milliseconds(latencies, 99)}");
        }
    }

    public void Dispose()
    {
    }

    internal static string Milliseconds(HistogramBase latencies, double percentile) =>
        latencies.TotalCount == 0 ? "-" : $"{latencies.GetValueAtPercentile(percentile) / 1000.0:0.0} ms";
}

/// <summary>A table that is drawn anew in place, with the last events below it.</summary>
internal sealed class LiveDisplay : IDemoDisplay
{
    private const int EventsShown = 12;
    private readonly Lock gate = new();
    private readonly TimeProvider time;
    private readonly long startedAt;
    private readonly Queue<string> events = new();
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task drawing;
    private Table? table;
    private LiveDisplayContext? context;

    public LiveDisplay(IAnsiConsole console, TimeProvider time)
    {
        this.time = time;
        startedAt = time.GetTimestamp();
        drawing = console.Live(new Text("")).StartAsync(live =>
        {
            lock (gate)
            {
                context = live;
                Draw();
            }

            return ended.Task;
        });
    }

    public void Say(string line)
    {
        lock (gate)
        {
            events.Enqueue($"{time.GetElapsedTime(startedAt).TotalSeconds,6:0.0} s  {line}");
            while (events.Count > EventsShown)
            {
                events.Dequeue();
            }

            Draw();
        }
    }

    public void Show(DemoStatus status, IReadOnlyList<DemoDatacenter> datacenters, double operationsPerSecond, HistogramBase latencies)
    {
        var drawn = new Table().Border(TableBorder.Rounded).AddColumns("datacenter", "state", "leads shards", "term", "lag", "cpu");
        foreach (var (s, d) in status.Datacenters.Zip(datacenters))
        {
            drawn.AddRow(
                s.Name, d.IsRunning ? s.Running == status.Shards ? "[green]up[/]" : "[yellow]starting[/]" : "[red]dead[/]",
                s.Leading.Count == 0 ? "-" : string.Join(' ', s.Leading), s.Term.ToString(), s.Lag.ToString(), $"{d.ProcessorTime.TotalSeconds:0.0} s");
        }

        drawn.Caption($"{operationsPerSecond:0} ops/s   p50 {PlainDisplay.Milliseconds(latencies, 50)}   p99 {PlainDisplay.Milliseconds(latencies, 99)}");
        lock (gate)
        {
            table = drawn;
            Draw();
        }
    }

    public void Dispose()
    {
        ended.TrySetResult();
        drawing.GetAwaiter().GetResult();
    }

    private void Draw()
    {
        var lines = new Text(string.Join('\n', events));
        context?.UpdateTarget(table is null ? lines : new Rows(table, lines));
    }
}
