using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace MultiDc.Testing.Cluster;

/// <summary>The last lines that all processes of a test cluster logged, for the message of a failed wait.</summary>
public sealed class TestLog
{
    private const int MaxLines = 4000;

    private readonly ConcurrentQueue<string> lines = new();

    /// <summary>The newest lines, oldest first.</summary>
    public IReadOnlyList<string> Lines => [.. lines];

    /// <summary>Takes what a process logs: Orleans' warnings, and everything that MultiDc tells an operator.</summary>
    /// <param name="logging">The process's logging.</param>
    /// <param name="process">Its name.</param>
    public void AddTo(ILoggingBuilder logging, string process) => logging.AddProvider(new Provider(this, process))
        .SetMinimumLevel(LogLevel.Warning)
        .AddFilter("MultiDc", LogLevel.Information)
        .AddFilter("MultiDc.Server.Placement.ReplicaHomeService", LogLevel.Warning)
        .AddFilter("Orleans.Runtime.MembershipService.SiloHealthMonitor", LogLevel.Error);

    internal void Add(string line)
    {
        lines.Enqueue($"{DateTime.Now:HH:mm:ss.fff} {line}");
        while (lines.Count > MaxLines && lines.TryDequeue(out _))
        {
        }
    }

    private sealed class Provider(TestLog log, string process) : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => new Logger(log, $"{process} {categoryName[(categoryName.LastIndexOf('.') + 1)..]}");

        public void Dispose()
        {
        }
    }

    private sealed class Logger(TestLog log, string prefix) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            log.Add($"{prefix} {logLevel}: {formatter(state, exception)}{(exception is null ? "" : $" | {exception.GetType().Name}: {exception.Message}")}");
    }
}
