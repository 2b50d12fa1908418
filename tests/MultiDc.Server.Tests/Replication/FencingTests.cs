using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Server.StateMachine;
using Xunit.Abstractions;

namespace MultiDc.Server.Tests.Replication;

/// <summary>
/// Holders of one lock that are paused at random, often past the end of their leases, and then go on as if nothing had happened: they look at no clock. What they write under the lock's guard
/// never mixes.
/// </summary>
public sealed class FencingTests(ITestOutputHelper output)
{
    private const int Pauses = 1000;
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(2);
    private static readonly byte[] LockKey = Writes.Bytes("lock/{l}");
    private static readonly byte[] Data = Writes.Bytes("{l}/data");

    [Fact]
    public void Over_a_thousand_pauses_no_guarded_writes_of_two_holders_interleave()
    {
        var random = new SeededRandomSource(3);
        using var group = new PumpGroup(size: 1, seed: 3);
        group.ElectLeader();
        var holders = Enumerable.Range(0, 3).Select(_ => new Holder(group, random)).ToArray();
        while (holders.Sum(static h => h.Pauses) < Pauses)
        {
            group.Replicas[0].Time.Advance(TimeSpan.FromMilliseconds(random.Next(0, 200)));
            group.Tick(1);
            holders[random.Next(0, 3)].Step();
        }

        ulong[] written = [.. group.ReadNow(group.Leader, "{l}/data")!.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(ulong.Parse)];
        output.WriteLine($"{written.Length} writes by {written.Distinct().Count()} holders, {holders.Sum(static h => h.Refused)} refused, of which {holders.Sum(static h => h.RefusedAtOnce)} were the first after a pause");
        Assert.Equal(written.Order(), written);
        Assert.True(holders.Sum(static h => h.RefusedAtOnce) > Pauses / 10, "paused holders were refused");
        Assert.True(written.Distinct().Count() > Pauses / 10, "the lock went from hand to hand");
    }

    private sealed class Holder(PumpGroup group, SeededRandomSource random)
    {
        private readonly SessionId session = group.OpenSession(group.Leader);
        private ulong sequence;
        private LeaseId lease;
        private ulong token;
        private DateTimeOffset pausedUntil;
        private DateTimeOffset renewedAt;
        private bool wasPaused;

        public int Pauses { get; private set; }

        public int Refused { get; private set; }

        public int RefusedAtOnce { get; private set; }

        private DateTimeOffset Now => group.Replicas[0].Time.GetUtcNow();

        public void Step()
        {
            if (Now < pausedUntil)
            {
                return;
            }

            if (token == 0)
            {
                Acquire();
                return;
            }

            if (!wasPaused && Now - renewedAt > Ttl / 3)
            {
                renewedAt = Now;
                Write(new KeepAliveOperation(LockKey, [lease]));
            }

            switch (random.Next(0, 12))
            {
                case 0 when !wasPaused:
                    Pauses++;
                    wasPaused = true;
                    pausedUntil = Now + (random.Next(0, 40) * Ttl / 10);
                    break;
                case 1 when !wasPaused:
                    Write(new RevokeLeaseOperation(LockKey, lease));
                    token = 0;
                    break;
                default:
                    if (Write(new AppendOperation(Data, Writes.Bytes($"{token};")) { Guard = new("l", token) }) is Rejected rejected)
                    {
                        Assert.Equal(RejectionReason.FencingTokenStale, rejected.Reason);
                        Refused++;
                        RefusedAtOnce += wasPaused ? 1 : 0;
                        token = 0;
                    }

                    wasPaused = false;
                    break;
            }
        }

        private void Acquire()
        {
            if (lease.IsNone || Assert.IsType<AppliedKeepAlive>(Write(new KeepAliveOperation(LockKey, [lease]))).Lost.Length > 0)
            {
                lease = new(Assert.IsType<Applied>(Write(new GrantLeaseOperation(LockKey, Ttl))).Revision.Value);
            }

            renewedAt = Now;
            var acquired = Assert.IsType<AppliedBatch>(Write(BatchOperation.Of(
                [Compare.Absent(LockKey)], [new PutOperation(LockKey, Data) { Lease = lease }, new FenceOperation(LockKey, "l")])));
            token = acquired.Succeeded ? acquired.Revision.Value : 0;
        }

        private WriteResult Write(WriteOperation operation) =>
            group.Settled(PumpGroup.Propose(group.Leader, new WriteCommand(session, new(++sequence), operation))).Result;
    }
}
