using CsCheck;

namespace MultiDc.Raft.Tests;

public sealed class ClusterTests
{
    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    public void Whatever_the_network_and_crashes_do_the_group_stays_safe_and_recovers(int size) =>
        Gen.ULong.Sample(seed => Run(seed, size, steps: 6000), iter: FreshSeeds, threads: 2);

    /// <summary>Found once: a host that stamps a snapshot request with its present term instead of the one in which it was asked for.</summary>
    [Theory]
    [InlineData(15672806371075, 3)]
    [InlineData(205427256344, 5)]
    public void Seeds_that_failed_once_stay_well(ulong seed, int size) => Run(seed, size, steps: 6000);

    [Fact]
    public void The_same_seed_says_the_same() => Assert.Equal(Run(1, 3, 4000).Digest, Run(1, 3, 4000).Digest);

    [Fact]
    public void A_run_reaches_what_it_is_for()
    {
        var runs = Enumerable.Range(1, 12).Select(seed => Run((ulong)seed, 3, 8000)).ToList();
        Assert.True(runs.Sum(run => run.Committed) > 400, $"committed {runs.Sum(run => run.Committed)}");
        Assert.True(runs.Sum(run => run.Elections) > 30, $"elections {runs.Sum(run => run.Elections)}");
        Assert.True(runs.Sum(run => run.ReadsServed) > 100, $"reads {runs.Sum(run => run.ReadsServed)}");
        Assert.True(runs.Sum(run => run.SnapshotsInstalled) > 5, $"snapshots {runs.Sum(run => run.SnapshotsInstalled)}");
    }

    [Fact]
    public void Every_rare_branch_is_reached()
    {
        var probes = new ProbeCounter();
        for (var seed = 1UL; seed <= 600 && probes.NeverHit.Except(NotByChance).Any(); seed++)
        {
            Run(seed, seed % 2 == 0 ? 3 : 5, 6000, probes);
        }

        Assert.Equal([], probes.NeverHit.Except(NotByChance));
    }

    /// <summary>Branches that these runs do not come to, or not in so few; tests of <c>Paper</c> do, and <see cref="LeaseWorld"/>, where there is time.</summary>
    private static readonly RaftProbe[] NotByChance =
    [
        RaftProbe.MovedToPreferredLeader,
        RaftProbe.LeaseHeld,
        RaftProbe.LeaseNotHeld,
        RaftProbe.LeaseForfeited,
        RaftProbe.ClocksDisagreed,
        RaftProbe.OwnClockWentBack,
        RaftProbe.RoundZeroIgnored,
        RaftProbe.TransferDeclined,
        RaftProbe.SnapshotCoveredByLog,
        RaftProbe.StaleSnapshotIgnored,
        RaftProbe.SnapshotOvertaken,

        // These runs change no membership.
        RaftProbe.VoteRefusedWithoutConfiguration,
        RaftProbe.SecondConfigurationChangeRefused,
        RaftProbe.LearnerNotCaughtUp,
        RaftProbe.JointLeftByLeader,
        RaftProbe.RemovedLeaderSteppedDown,
        RaftProbe.ConfigurationRolledBack,
        RaftProbe.WitnessSnapshotSent,
    ];

    /// <summary>MULTIDC_SEEDS asks for a longer sweep by hand.</summary>
    private static int FreshSeeds => int.Parse(Environment.GetEnvironmentVariable("MULTIDC_SEEDS") ?? "100");

    private static Cluster Run(ulong seed, int size, int steps, ProbeCounter? probes = null)
    {
        var cluster = new Cluster(seed, Cast.Of(size), probes);
        try
        {
            cluster.RunWithFaults(steps);
            cluster.Heal();
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"REPRODUCE WITH: Run({seed}, {size}, {steps})", failure);
        }

        return cluster;
    }
}
