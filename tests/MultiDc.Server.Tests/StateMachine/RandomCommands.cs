using CsCheck;
using MultiDc.Grains;
using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Tests.StateMachine;

/// <summary>A random command before its session's number is known.</summary>
internal sealed record CommandDraft(int Kind, int Session, int Sequence, string Key, string Value, string? Expected)
{
    /// <summary>Few sessions, keys and values, so that retries, late copies and matches are common.</summary>
    public static readonly Gen<CommandDraft[]> Many = Gen
        .Select(Gen.Int[0, 9], Gen.Int[0, 3], Gen.Int[0, 6], Gen.Int[0, 5], Gen.Int[0, 2], Gen.Int[0, 3])
        .Select(static (kind, session, sequence, key, value, expected) =>
            new CommandDraft(kind, session, sequence, $"key{key}", $"v{value}", expected == 3 ? null : $"v{expected}"))
        .Array[1, 60];

    /// <summary>The command; sessions are the ones opened so far, or one that nobody opened. Null: an entry that is no command.</summary>
    public KeyValueCommand? With(List<SessionId> sessions) => Kind switch
    {
        0 => OpenSessionCommand.Instance,
        1 => null,
        < 5 => Write(sessions, new PutOperation(Bytes(Key), Bytes(Value))),
        5 => Write(sessions, new DeleteOperation(Bytes(Key))),
        _ => Write(sessions, new CompareAndSetOperation(Bytes(Key), Expected is null ? (ReadOnlyMemory<byte>?)null : Bytes(Expected), Bytes(Value))),
    };

    /// <summary>A log of them: a session is numbered by the index of its entry, so the numbers are known in advance.</summary>
    public static KeyValueCommand?[] Log(CommandDraft[] drafts)
    {
        var sessions = new List<SessionId>();
        return [.. drafts.Select((draft, i) =>
        {
            var command = draft.With(sessions);
            if (command is OpenSessionCommand)
            {
                sessions.Add(new((ulong)i + 1));
            }

            return command;
        })];
    }

    private WriteCommand Write(List<SessionId> sessions, WriteOperation operation) =>
        new(Session < sessions.Count ? sessions[Session] : new(999), new((ulong)Sequence), operation);

    private static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);
}
