using CsCheck;
using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Ring;
using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Tests.StateMachine;

public sealed class KeyValueStateMachineTests
{
    private static readonly HashRange Half = HashRange.OfShard(0, 2);

    [Fact]
    public void It_does_what_a_dictionary_would() => CommandDraft.Many.Sample(
        static drafts =>
        {
            var log = CommandDraft.Log(drafts);
            var machine = new Machine(Half);
            var twin = new DictionaryTwin(Half);
            var results = machine.Apply(log);
            for (var i = 0; i < log.Length; i++)
            {
                var index = (ulong)i + 1;
                Assert.Equal(twin.Apply(index, log[i]), DictionaryTwin.Describe(results[i]));
            }

            for (var key = 0; key < 6; key++)
            {
                var bytes = System.Text.Encoding.UTF8.GetBytes($"key{key}");
                var entry = KeyValueReader.GetAsync(machine.State, bytes).AsTask().Result;
                Assert.Equal(
                    twin.Get($"key{key}"),
                    entry is null ? null : (System.Text.Encoding.UTF8.GetString(entry.Value.Span), entry.CreateRevision.Value, entry.ModifyRevision.Value, entry.Version));
            }
        },
        iter: 400);

    [Fact]
    public void Batches_and_restarts_between_them_make_no_difference() =>
        Gen.Select(CommandDraft.Many, Gen.Int[1, 7], Gen.Bool).Sample(
            static (drafts, batch, reload) =>
            {
                var log = CommandDraft.Log(drafts);
                var (whole, parts) = (new Machine(Half), new Machine(Half));
                var expected = whole.Apply(log);
                var results = new List<ApplyResult>();
                foreach (var part in log.Chunk(batch))
                {
                    results.AddRange(parts.Apply(part));
                    if (reload)
                    {
                        parts.Reload();
                    }
                }

                Assert.Equal(expected, results);
                Assert.Equal(whole.Rows(), parts.Rows());
            },
            iter: 300);

    [Fact]
    public void The_same_log_gives_the_same_rows() => CommandDraft.Many.Sample(
        static drafts =>
        {
            var (one, two) = (new Machine(Half), new Machine(Half));
            Assert.Equal(one.Apply(CommandDraft.Log(drafts)), two.Apply(CommandDraft.Log(drafts)));
            Assert.Equal(one.Rows(), two.Rows());
        },
        iter: 50);

    [Fact]
    public void A_write_numbered_zero_is_refused_and_does_not_stop_the_replica()
    {
        var machine = new Machine();
        var session = machine.Apply(OpenSessionCommand.Instance).Session!.Value;
        var result = machine.Apply(new WriteCommand(session, new(0), new PutOperation("k"u8.ToArray(), "v"u8.ToArray())));
        Assert.Equal(RejectionReason.InvalidArgument, Assert.IsType<Rejected>(result.Result).Reason);
        Assert.Null(KeyValueReader.GetAsync(machine.State, "k"u8.ToArray()).AsTask().Result);
        Assert.IsType<Applied>(machine.Apply(new WriteCommand(session, new(1), new PutOperation("k"u8.ToArray(), "v"u8.ToArray()))).Result);
    }

    [Fact]
    public void The_least_recently_used_session_goes_and_a_restart_does_not_change_which()
    {
        var (straight, restarted) = (new Machine(), new Machine());
        var random = new SeededRandomSource(7);
        var log = new List<KeyValueCommand> { };
        for (var i = 0; i < KeyValueStateMachine.MaxSessions; i++)
        {
            log.Add(OpenSessionCommand.Instance);
        }

        // Sessions are used in an order that is not the order of their opening; then more are opened than there is room for.
        for (var i = 1UL; i <= 300; i++)
        {
            log.Add(new WriteCommand(new((ulong)random.Next(1, 400)), new(i), new PutOperation("k"u8.ToArray(), "v"u8.ToArray())));
        }

        log.AddRange(Enumerable.Repeat(OpenSessionCommand.Instance, 250));
        straight.Apply(log);
        foreach (var part in log.Chunk(log.Count / 3))
        {
            restarted.Apply(part);
            restarted.Reload();
        }

        Assert.Equal(straight.Rows(), restarted.Rows());
        Assert.Equal(KeyValueStateMachine.MaxSessions, straight.Rows().Count(static row => row.StartsWith("20", StringComparison.Ordinal)));

        // By hand: the 250 that were used longest ago are gone, counting opening as use.
        var lastUse = Enumerable.Range(1, KeyValueStateMachine.MaxSessions).ToDictionary(static s => (ulong)s, static s => (ulong)s);
        for (var i = KeyValueStateMachine.MaxSessions; i < KeyValueStateMachine.MaxSessions + 300; i++)
        {
            lastUse[((WriteCommand)log[i]).Session.Value] = (ulong)i + 1;
        }

        foreach (var (session, rank) in lastUse.OrderBy(static s => s.Value).Select(static (s, rank) => (s.Key, rank)))
        {
            var known = straight.State.GetAsync(StateRows.SessionKey(new(session))).AsTask().Result is not null;
            Assert.True(known == rank >= 250, $"session {session}, {rank} from the least recently used");
        }
    }

    [Fact]
    public void An_expired_session_writes_nothing_more()
    {
        var machine = new Machine();
        var session = machine.Apply(OpenSessionCommand.Instance).Session!.Value;
        machine.Apply(Enumerable.Repeat(OpenSessionCommand.Instance, KeyValueStateMachine.MaxSessions));
        var result = machine.Apply(new WriteCommand(session, new(1), new PutOperation("k"u8.ToArray(), "v"u8.ToArray())));
        Assert.Equal(RejectionReason.SessionExpired, Assert.IsType<Rejected>(result.Result).Reason);
        Assert.Null(KeyValueReader.GetAsync(machine.State, "k"u8.ToArray()).AsTask().Result);
    }

    /// <summary>The same rules, written down once more without rows, batches or codecs.</summary>
    private sealed class DictionaryTwin(HashRange range)
    {
        private readonly Dictionary<string, (string Value, ulong Create, ulong Modify, ulong Version)> entries = [];
        private readonly Dictionary<ulong, (ulong Sequence, string Result)> sessions = [];

        public (string Value, ulong Create, ulong Modify, ulong Version)? Get(string key) => entries.TryGetValue(key, out var entry) ? entry : null;

        public string Apply(ulong index, KeyValueCommand? command)
        {
            if (command is null)
            {
                return $"applied {index}";
            }

            if (command is not WriteCommand write)
            {
                sessions.Add(index, (0, "InvalidArgument"));
                return $"applied {index}, session {index}";
            }

            if (!sessions.TryGetValue(write.Session.Value, out var session))
            {
                return "SessionExpired";
            }

            if (write.Sequence.Value < session.Sequence)
            {
                return "unknown";
            }

            if (write.Sequence.Value > session.Sequence)
            {
                session = sessions[write.Session.Value] = (write.Sequence.Value, Write(index, write.Operation));
            }

            return session.Result;
        }

        private string Write(ulong index, WriteOperation operation)
        {
            if (!range.Contains(operation.Key.Span))
            {
                return "WrongShard";
            }

            var key = System.Text.Encoding.UTF8.GetString(operation.Key.Span);
            var present = Get(key);
            switch (operation)
            {
                case DeleteOperation:
                    entries.Remove(key);
                    break;
                case CompareAndSetOperation set when (set.Expected is { } e ? System.Text.Encoding.UTF8.GetString(e.Span) : null) != present?.Value:
                    return "PreconditionFailed";
                case CompareAndSetOperation set:
                    entries[key] = Written(set.Value);
                    break;
                case PutOperation put:
                    entries[key] = Written(put.Value);
                    break;
            }

            return $"applied {index}";

            (string Value, ulong Create, ulong Modify, ulong Version) Written(ReadOnlyMemory<byte> value) =>
                (System.Text.Encoding.UTF8.GetString(value.Span), present?.Create ?? index, index, (present?.Version ?? 0) + 1);
        }

        public static string Describe(ApplyResult result) => result.Result switch
        {
            Applied applied => $"applied {applied.Revision}{(result.Session is { } session ? $", session {session.Value}" : "")}",
            Rejected rejected => rejected.Reason.ToString(),
            _ => "unknown",
        };
    }
}
