using CsCheck;

namespace MultiDc.Raft.Tests;

/// <summary>Groups whose membership changes all the time, over the same network and disks as those of <see cref="ClusterTests"/>.</summary>
public sealed class MembershipClusterTests
{
    private const int Steps = 6000;

    [Fact]
    public void Whatever_the_membership_becomes_the_group_stays_safe_and_recovers() =>
        Gen.ULong.Sample(seed => Run(seed), iter: FreshSeeds, threads: 2);

    /// <summary>
    /// Found once: a replica that an uncommitted configuration removes did not stand although nobody else could win (125, 185); a change
    /// counted on a witness that knew no configuration yet (546, 623, 1846).
    /// </summary>
    [Theory]
    [InlineData(125)]
    [InlineData(185)]
    [InlineData(546)]
    [InlineData(623)]
    [InlineData(1846)]
    public void Seeds_that_failed_once_stay_well(ulong seed) => Run(seed);

    [Fact]
    public void Every_rare_branch_of_membership_is_reached()
    {
        var probes = new ProbeCounter();
        var runs = Enumerable.Range(1, 40).Select(seed => Run((ulong)seed, probes)).ToList();
        Assert.True(runs.Sum(run => run.Configurations) > 200, $"configurations {runs.Sum(run => run.Configurations)}");
        Assert.True(runs.Sum(run => run.Committed) > 1500, $"committed {runs.Sum(run => run.Committed)}");
        Assert.True(runs.Count(run => run.SurvivedLoss) > 15, $"survived a loss {runs.Count(run => run.SurvivedLoss)}");
        RaftProbe[] ofMembership =
        [
            RaftProbe.VoteRefusedWithoutConfiguration, RaftProbe.SecondConfigurationChangeRefused, RaftProbe.LearnerNotCaughtUp, RaftProbe.JointLeftByLeader,
            RaftProbe.RemovedLeaderSteppedDown, RaftProbe.ConfigurationRolledBack, RaftProbe.WitnessSnapshotSent,
        ];
        Assert.Equal([], ofMembership.Intersect(probes.NeverHit));
    }

    /// <summary>MULTIDC_SEEDS asks for a longer sweep by hand.</summary>
    private static int FreshSeeds => int.Parse(Environment.GetEnvironmentVariable("MULTIDC_SEEDS") ?? "150");

    private static Cluster Run(ulong seed, ProbeCounter? probes = null)
    {
        var cluster = new Cluster(seed, Cast.Draw(seed), probes);
        try
        {
            cluster.RunWithFaults(Steps);
            cluster.LoseSome();
            cluster.Heal();
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"REPRODUCE WITH: Run({seed})", failure);
        }

        return cluster;
    }
}
