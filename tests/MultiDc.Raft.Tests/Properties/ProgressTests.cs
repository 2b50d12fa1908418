using CsCheck;

namespace MultiDc.Raft.Tests;

/// <summary>
/// A follower as its leader sees it, against the follower as it is: a dumb log and a bag of messages that are lost, doubled and delivered in
/// any order. What the leader believes must be true at every step, and once nothing is lost any more it must find out everything.
/// </summary>
public sealed class ProgressTests
{
    private const int StepsToCatchUp = 400;

    /// <summary>What the test does at a step, and a number that decides the details.</summary>
    private static readonly Gen<(int Action, int Number)[]> Steps = Gen.Select(Gen.Int[0, 9], Gen.Int[0, 1_000_000]).Array[0, 120];

    [Fact]
    public void Whatever_is_lost_doubled_or_late_what_the_leader_believes_is_true_and_in_the_end_it_knows_all() =>
        Gen.Select(Gen.Int[1, 4], Gen.Long[1, 60], Gen.Int[0, 12], Gen.Int[0, 12], Gen.Int[0, 12], Steps).Sample((maxCount, maxBytes, agreed, conflicting, compacted, steps) =>
        {
            var world = new World(new() { Id = new(1), MaxInflightAppends = maxCount, MaxInflightBytes = maxBytes }, (ulong)agreed, (ulong)conflicting, (ulong)compacted);
            foreach (var (action, number) in steps)
            {
                world.Act(action, number);
                world.Check();
            }

            for (var i = 0; i < StepsToCatchUp && !world.IsKnown; i++)
            {
                world.ActWithoutLoss();
                world.Check();
            }

            Assert.True(world.IsKnown, $"the leader never found out: {world}");
        });

    [Fact]
    public void The_match_is_the_greatest_index_that_was_ever_acknowledged() =>
        Gen.Select(Gen.Int[0, 3], Gen.ULong[1, 30]).Array[1, 60].Sample(answers =>
        {
            var progress = new Progress(new(1), new() { Id = new(1) });
            var acknowledged = new List<ulong> { 0 };
            foreach (var (kind, number) in answers)
            {
                switch (kind)
                {
                    case 0:
                        progress.Rejected(new(number), new(number / 2));
                        break;
                    case 1:
                        progress.Unreachable();
                        break;
                    default:
                        Assert.Equal(number > acknowledged.Max(), progress.Accepted(new(number), LogIndex.Zero));
                        acknowledged.Add(number);
                        break;
                }

                Assert.Equal(acknowledged.Max(), progress.Match.Value);
                progress.Check();
            }
        });

    private sealed class World(RaftNodeOptions options, ulong agreed, ulong conflicting, ulong compacted)
    {
        private const long Size = 20;

        private readonly Progress progress = new(new(Math.Max(agreed + conflicting, compacted) + 1), options);
        private readonly List<Message> network = [];
        private ulong holds = agreed;
        private ulong length = agreed + conflicting;
        private ulong last = Math.Max(agreed + conflicting, compacted) + 2;
        private ulong round;
        private ulong believed;

        public bool IsKnown => progress.Match.Value == last && progress.State == ProgressState.Replicate;

        public void Act(int action, int number)
        {
            switch (action)
            {
                case 0:
                    last++;
                    break;
                case 1 or 2:
                    Send();
                    break;
                case 3:
                    Heartbeat();
                    break;
                case 4 when network.Count > 0:
                    network.RemoveAt(number % network.Count);
                    break;
                case 5 when network.Count > 0:
                    network.Add(network[number % network.Count]);
                    break;
                case 6:
                    progress.Unreachable();
                    break;
                case 7 when progress.State == ProgressState.Snapshot:
                    EndSnapshot(delivered: number % 2 == 0);
                    break;
                default:
                    Deliver(number);
                    break;
            }
        }

        public void ActWithoutLoss()
        {
            if (progress.State == ProgressState.Snapshot)
            {
                EndSnapshot(delivered: true);
            }

            Send();
            if (network.Count == 0)
            {
                Heartbeat();
            }

            Deliver(0);
        }

        public void Check()
        {
            progress.Check();
            Assert.True(progress.Match.Value <= holds, $"the leader believes what is not so: {this}");
            Assert.True(progress.Match.Value >= believed, $"the match fell from {believed}: {this}");
            Assert.True(progress.Inflight <= options.MaxInflightAppends, $"more in flight than allowed: {this}");
            Assert.True((progress.Inflight - 1) * Size < options.MaxInflightBytes, $"more bytes in flight than allowed: {this}");
            believed = progress.Match.Value;
        }

        public override string ToString() => $"{progress}; the follower holds {holds} of {last}, compacted to {compacted}, {network.Count} messages under way";

        // As the leader does it: one append after the other until the follower is paused; an empty one probes.
        private void Send()
        {
            while (!progress.IsPaused && (progress.State == ProgressState.Probe || progress.Next.Value <= last))
            {
                var previous = progress.Next.Value - 1;
                if (previous < compacted)
                {
                    progress.NeedSnapshot();
                    return;
                }

                var to = Math.Min(previous + 2, last);
                progress.Sent(new(to), Size);
                network.Add(new Append(previous, to));
            }
        }

        private void Heartbeat()
        {
            network.Add(new Beat(++round));
            progress.HeartbeatSent(round);
        }

        private void EndSnapshot(bool delivered)
        {
            if (delivered && holds < compacted)
            {
                (holds, length) = (compacted, compacted);
            }

            progress.SnapshotEnded(new(compacted), delivered);
        }

        private void Deliver(int number)
        {
            if (network.Count == 0)
            {
                return;
            }

            var message = network[number % network.Count];
            network.RemoveAt(number % network.Count);
            switch (message)
            {
                case Append append when append.Previous > holds:
                    // The follower says no more than that its log may agree up to somewhere, at most where the append begins.
                    network.Add(new Rejection(append.Previous, Math.Min(append.Previous, holds + ((ulong)number % (length - holds + 1)))));
                    break;
                case Append append:
                    // Only what conflicts is replaced, so a late append takes nothing back.
                    (holds, length) = append.To > holds ? (append.To, append.To) : (holds, length);
                    network.Add(new Acceptance(append.To));
                    break;
                case Beat beat:
                    network.Add(new BeatAnswer(beat.Round));
                    break;
                case Acceptance acceptance:
                    progress.Accepted(new(acceptance.Match), new(compacted));
                    break;
                case Rejection rejection:
                    progress.Rejected(new(rejection.Previous), new(rejection.AgreesAtMost));
                    break;
                case BeatAnswer answer:
                    progress.HeartbeatAnswered(answer.Round);
                    break;
            }
        }
    }

    private abstract record Message;

    private sealed record Append(ulong Previous, ulong To) : Message;

    private sealed record Acceptance(ulong Match) : Message;

    private sealed record Rejection(ulong Previous, ulong AgreesAtMost) : Message;

    private sealed record Beat(ulong Round) : Message;

    private sealed record BeatAnswer(ulong Round) : Message;
}
