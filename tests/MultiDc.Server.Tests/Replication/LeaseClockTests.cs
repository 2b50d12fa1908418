using CsCheck;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Raft;
using MultiDc.Server.Replication;
using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Tests.Replication;

public sealed class LeaseClockTests
{
    [Fact]
    public void It_agrees_with_a_list_that_is_looked_through() => Gen.Select(Gen.Int[0, 7], Gen.ULong[1, 6], Gen.Int[1, 5], Gen.Int[0, 2500]).Array[1, 80].Sample(static steps =>
    {
        var time = new FakeTimeProvider();
        var clock = new LeaseClock(time);
        var ends = new Dictionary<LeaseId, (LogIndex RenewedAt, long End, long? Proposed)>();
        var patience = time.TimestampFrequency;
        for (var i = 0; i < steps.Length; i++)
        {
            var (kind, number, seconds, pause) = steps[i];
            time.Advance(TimeSpan.FromMilliseconds(pause));
            var now = time.GetTimestamp();
            var (lease, record) = (new LeaseId(number), new LeaseRecord((ulong)seconds * 1000, new((ulong)i + 1), 0));
            switch (kind)
            {
                case < 3:
                    clock.Take(false, [new(lease, record)], now);
                    ends[lease] = (record.RenewedAt, now + (seconds * time.TimestampFrequency), null);
                    break;
                case 3:
                    clock.Take(false, [new(lease, null)], now);
                    ends.Remove(lease);
                    break;
                case 4:
                    // A snapshot: some are gone, one is new or was renewed, the others are as they were.
                    var kept = ends.Where(e => e.Key.Value % 2 == number % 2 && e.Key != lease).ToArray();
                    // Behind the snapshot, or the rows that a replica starts with, come entries in the same round.
                    var before = new LeaseRecord(99_000, new((ulong)i), 0);
                    LeaseChange[] loaded = [.. kept.Select(e => new LeaseChange(e.Key, new(99_000, e.Value.RenewedAt, 1))), new(lease, before), new(new(77), before), new(lease, record), new(new(77), null)];
                    clock.Take(true, loaded, now);
                    ends = kept.ToDictionary();
                    ends[lease] = (record.RenewedAt, now + (seconds * time.TimestampFrequency), null);
                    break;
                case 5 when ends.TryGetValue(lease, out var known):
                    // What another replica's clock says counts if it is of this renewal, and earlier.
                    var told = TimeSpan.FromSeconds(seconds - 1);
                    clock.Hear([new(lease, known.RenewedAt.Value + 1, TimeSpan.Zero), new(new(99), 1, told), new(lease, known.RenewedAt.Value, told)], now);
                    ends[lease] = known with { End = Math.Min(known.End, now + ((seconds - 1) * time.TimestampFrequency)) };
                    break;
                default:
                    var due = ends.Where(e => e.Value.End <= now && !(e.Value.Proposed > now - patience)).Select(static e => (e.Key, e.Value.RenewedAt)).OrderBy(static d => d.Key).ToArray();
                    Assert.Equal(due, clock.TakeDue(now, now - patience, 100).OrderBy(static d => d.Lease));
                    Array.ForEach(due, d => ends[d.Key] = ends[d.Key] with { Proposed = now });
                    break;
            }

            Assert.Equal(ends.Count, clock.Count);
            Assert.Equal(ends.Count == 0 ? null : ends.Values.Min(static e => e.End), clock.NextEnd);
            Assert.All(ends, e => Assert.Equal(time.GetElapsedTime(Math.Min(now, e.Value.End), e.Value.End), clock.RemainingOf(e.Key, e.Value.RenewedAt, now)));
            Assert.Null(clock.RemainingOf(lease, new(999), now));
            Assert.Equal(
                ends.Select(e => new RemainingLease(e.Key, e.Value.RenewedAt.Value, time.GetElapsedTime(Math.Min(now, e.Value.End), e.Value.End))).OrderBy(static l => l.Lease),
                clock.Remaining(now).OrderBy(static l => l.Lease));
        }
    },
        iter: 500);
}
