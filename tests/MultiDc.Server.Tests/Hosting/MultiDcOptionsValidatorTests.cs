using MultiDc.Server.Hosting;

namespace MultiDc.Server.Tests.Hosting;

public sealed class MultiDcOptionsValidatorTests
{
    [Fact]
    public void The_defaults_with_three_datacenters_are_fine_also_with_leases() => Assert.Empty(Problems(static options => options.LeaderLeases = true));

    [Fact]
    public void Quiescence_is_off_or_at_least_an_election_timeout_away()
    {
        Assert.Empty(Problems(static options => options.QuiesceAfterTicks = 0));
        Assert.Empty(Problems(static options => options.QuiesceAfterTicks = 12));
        Assert.Single(Problems(static options => options.QuiesceAfterTicks = 11));
        Assert.Single(Problems(static options => options.QuiesceAfterTicks = -1));
    }

    [Fact]
    public void Second_activations_are_off_or_leave_some_time_between()
    {
        Assert.Empty(Problems(static options => options.UnsafeSecondActivationPeriod = TimeSpan.FromSeconds(1)));
        Assert.Single(Problems(static options => options.UnsafeSecondActivationPeriod = TimeSpan.FromMilliseconds(1)));
        Assert.Single(Problems(static options => options.UnsafeSecondActivationPeriod = TimeSpan.FromSeconds(-1)));
    }

    [Fact]
    public void Watch_bounds_are_no_nonsense()
    {
        Assert.Empty(Problems(static options => (options.WatchHistoryBytes, options.WatchHistoryBytesPerReplica, options.MaxWaitingWatchers) = (0, 0, 1)));
        Assert.Equal(3, Problems(static options => (options.WatchHistoryBytes, options.WatchHistoryBytesPerReplica, options.MaxWaitingWatchers) = (-1, -1, 0)).Length);
    }

    [Fact]
    public void Leases_are_refused_when_drift_or_margin_leave_too_little()
    {
        Assert.Single(Problems(static options => (options.LeaderLeases, options.LeaseMaxDriftPpm) = (true, 0)));
        Assert.Single(Problems(static options => (options.LeaderLeases, options.LeaseMaxDriftPpm) = (true, 100_001)));
        Assert.Single(Problems(static options => (options.LeaderLeases, options.LeaseMargin) = (true, TimeSpan.FromMilliseconds(251))));
        Assert.Single(Problems(static options => (options.LeaderLeases, options.LeaseMargin) = (true, TimeSpan.FromMilliseconds(-1))));
        Assert.Empty(Problems(static options => (options.LeaderLeases, options.LeaseMargin) = (true, TimeSpan.FromMilliseconds(250))));
        Assert.Empty(Problems(static options => options.LeaseMaxDriftPpm = 0));
    }

    [Fact]
    public void Whatever_lease_options_are_let_through_the_core_takes()
    {
        foreach (var (tickMs, ticks, heartbeat, ppm) in ((int, int, int, int)[])[(1, 5, 1, 100_000), (50, 20, 2, 1), (10_000, 360, 5, 100_000)])
        {
            var most = TimeSpan.FromMilliseconds(tickMs) * (ticks - 2) / 2;
            Assert.Empty(Problems(options =>
            {
                options.TickInterval = TimeSpan.FromMilliseconds(tickMs);
                (options.ElectionTimeoutTicks, options.HeartbeatTicks, options.QuiesceAfterTicks) = (ticks, heartbeat, 0);
                (options.LeaderLeases, options.LeaseMaxDriftPpm, options.LeaseMargin) = (true, ppm, most);
            }));
            using var group = new Replication.PumpGroup(size: 1, nodeOptions: new()
            {
                Id = default,
                ElectionTimeoutTicks = ticks,
                HeartbeatTicks = heartbeat,
                Lease = new() { TickNanoseconds = tickMs * 1_000_000L, MaxDriftPpm = ppm, MarginNanoseconds = (long)most.TotalNanoseconds },
            });
        }
    }

    [Fact]
    public void Preferred_datacenters_are_known_and_named_once()
    {
        Assert.Empty(Problems(static options => options.PreferredLeaderDatacenters.Add("b")));
        Assert.Contains("'x'", Assert.Single(Problems(static options => options.PreferredLeaderDatacenters.Add("x"))), StringComparison.Ordinal);
        Assert.Single(Problems(static options =>
        {
            options.PreferredLeaderDatacenters.Add("b");
            options.PreferredLeaderDatacenters.Add("b");
        }));
    }

    [Fact]
    public void A_witness_is_no_preferred_datacenter_and_its_own_silo_is_configured_like_the_others()
    {
        Assert.Empty(Problems(static options => (options.Datacenters[2].Witness, options.Datacenter) = (true, "c")));
        Assert.Contains("'c' is a witness", Assert.Single(Problems(static options =>
        {
            options.Datacenters[2].Witness = true;
            options.PreferredLeaderDatacenters.Add("c");
        })), StringComparison.Ordinal);
        Assert.Single(Problems(static options => options.Datacenters[1].Witness = options.Datacenters[2].Witness = true));
    }

    [Fact]
    public void Several_datacenters_need_a_key_that_cannot_be_guessed_and_the_message_does_not_tell_it()
    {
        Assert.Contains("openssl rand", Assert.Single(Problems(static options => options.SiloKey = "")), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", Assert.Single(Problems(static options => options.SiloKey = "secret")), StringComparison.Ordinal);
        Assert.Empty(Problems(static options =>
        {
            options.SiloKey = "";
            options.Datacenters.RemoveAt(2);
            options.Datacenters.RemoveAt(1);
        }));
    }

    private static string[] Problems(Action<MultiDcOptions> change)
    {
        var options = new MultiDcOptions { Datacenter = "a", SiloKey = new('k', 32), Datacenters = [new() { Name = "a" }, new() { Name = "b" }, new() { Name = "c" }] };
        change(options);
        return [.. new MultiDcOptionsValidator().Validate(null, options).Failures ?? []];
    }
}
