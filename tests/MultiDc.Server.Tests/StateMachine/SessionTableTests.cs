using CsCheck;
using MultiDc.Raft;
using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Tests.StateMachine;

public sealed class SessionTableTests
{
    [Fact]
    public void It_keeps_the_most_recently_used() => Gen.Int[1, 6].Array[1, 60].Sample(
        static uses =>
        {
            const int Max = 3;
            var table = new SessionTable(Max);
            var recent = new List<ulong>();
            for (var i = 0; i < uses.Length; i++)
            {
                var session = (ulong)uses[i];
                var forgotten = table.Set(new(session), new(new(1), new LogIndex((ulong)i + 1), SessionOutcome.Applied, default));
                recent.Remove(session);
                recent.Add(session);
                Assert.Equal(recent.Count > Max ? new SessionId(recent[0]) : null, forgotten);
                recent.RemoveRange(0, Math.Max(0, recent.Count - Max));
                Assert.Equal(recent.Count, table.Count);
                Assert.All(recent, s => Assert.True(table.TryGet(new(s), out _)));
            }
        },
        iter: 500);
}
