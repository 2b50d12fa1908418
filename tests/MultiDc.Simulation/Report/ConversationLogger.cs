using Microsoft.Extensions.Logging;
using MultiDc.Server.Replication;

namespace MultiDc.Simulation;

/// <summary>What the pumps log goes into the conversation.</summary>
internal sealed class ConversationLogger(Conversation conversation) : ILogger<ReplicaPump>
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => conversation.IsHeard;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (conversation.IsHeard)
        {
            conversation.Tell($"LOG {formatter(state, exception)} {exception}");
        }
    }
}
