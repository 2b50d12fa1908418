using MultiDc.Raft;
using MultiDc.Ring;
using MultiDc.Server.Founding;
using MultiDc.Server.Replication;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Founding;

public sealed class ReplicaFounderTests
{
    [Theory]
    [InlineData(1, 0, true)]
    [InlineData(2, 0, true)]
    [InlineData(2, 1, false)]
    [InlineData(3, 0, true)]
    [InlineData(3, 1, false)]
    [InlineData(5, 1, true)]
    [InlineData(5, 2, false)]
    public async Task A_replica_is_founded_when_a_majority_of_the_others_know_its_store(int datacenters, int away, bool isFounded)
    {
        var world = new FoundingWorld(datacenters);
        world.Away.UnionWith(world.Datacenters[^away..]);
        var result = await world.TryOpenAsync("a");
        if (isFounded)
        {
            var opened = Assert.IsType<Opened>(result);
            Assert.Equal(world.Datacenters.Select(GroupMembers.IdOf).Order(), opened.Storage.Recovered.Snapshot.Configuration.Voters.AsEnumerable());
            return;
        }

        Assert.Contains("are needed", Assert.IsType<NotYet>(result).Detail);
        world.Away.Clear();
        Assert.IsType<Opened>(await world.TryOpenAsync("a"));
    }

    [Fact]
    public async Task It_waits_for_its_turn_until_it_is_founded_and_the_ring_s_own_for_none()
    {
        var world = new FoundingWorld(3);
        var replica = new ReplicaAddress(new("orders", 0), new("a"));
        Assert.False(await world.NeedsTurnAsync(new(ShardId.Ring, new("a"))));
        Assert.True(await world.NeedsTurnAsync(replica));
        await new ReplicaRecords(world.Current[new("a")]).SetFoundedAsync(replica, new(HashRange.Full, [.. world.Datacenters], []));
        Assert.False(await world.NeedsTurnAsync(replica));
        Assert.True(await world.NeedsTurnAsync(new(new("orders", 1), new("a"))));
    }

    [Fact]
    public async Task Founded_once_it_opens_without_asking_anybody()
    {
        var world = new FoundingWorld(3);
        var first = Assert.IsType<Opened>(await world.TryOpenAsync("a"));
        world.Away.UnionWith(world.Datacenters);
        var second = Assert.IsType<Opened>(await world.TryOpenAsync("a"));
        Assert.True(second.Storage.Epoch.Value > first.Storage.Epoch.Value);
    }

    [Fact]
    public async Task Where_the_others_came_in_the_place_of_founders_a_wiped_store_founds_nothing_and_asks_for_its_place()
    {
        var world = new FoundingWorld(3);
        foreach (var other in (string[])["b", "c"])
        {
            world.Replaced.Add(new(other));
            var records = new ReplicaRecords(world.Current[new(other)]);
            await records.SetReplacementAsync(FoundingWorld.Replica(other), new(records.StoreId, 1));
        }

        Assert.Contains("came in the place of a founder", Assert.IsType<Refused>(await world.TryOpenAsync("a")).Detail);
        Assert.Null(world.HomeOf("a", "b"));
        Assert.Null(world.HomeOf("b", "a"));
        world.Replaced.Add(new("a"));
        Assert.NotNull(Assert.IsType<Opened>(await world.TryOpenAsync("a")).Replacement);
    }

    [Fact]
    public async Task A_wiped_store_is_refused_and_the_group_remembers_the_first()
    {
        var world = new FoundingWorld(3);
        Assert.IsType<Opened>(await world.TryOpenAsync("a"));
        var home = world.Current[new("a")].Identity.StoreId;
        world.Current[new("a")] = world.NewStore();
        for (var i = 0; i < 3; i++)
        {
            var refused = Assert.IsType<Refused>(await world.TryOpenAsync("a"));
            Assert.Contains(home.ToString(), refused.Detail);
        }

        Assert.Equal(home, world.HomeOf("a", "b"));
    }

    [Fact]
    public async Task One_that_remembers_another_store_is_enough_to_be_refused()
    {
        var world = new FoundingWorld(5);
        world.Away.UnionWith(world.Datacenters[2..]);
        Assert.IsType<NotYet>(await world.TryOpenAsync("a"));
        world.Away.Clear();
        Assert.IsType<Refused>(await world.TryOpenAsync("a", world.NewStore()));
    }

    [Fact]
    public async Task An_answer_from_a_store_that_is_not_the_peers_home_does_not_count()
    {
        var world = new FoundingWorld(3);
        world.Away.Add(new("c"));
        Assert.IsType<NotYet>(await world.TryOpenAsync("a"));

        // b's store is replaced: what the first one promised, the second does not know, and a must not count it.
        world.Current[new("b")] = world.NewStore();
        world.Away.Clear();
        Assert.Contains("1 of 2", Assert.IsType<NotYet>(await world.TryOpenAsync("a")).Detail);
    }

    [Fact]
    public async Task A_crash_at_any_step_leaves_a_founding_that_can_be_finished()
    {
        var isFounded = false;
        for (var flushes = 0; !isFounded; flushes++)
        {
            var world = new FoundingWorld(3);
            var disk = new MemoryDisk(new("test", Guid.NewGuid()));
            var before = new FlushLimit(new MemoryReplicaStore(disk), flushes);
            try
            {
                isFounded = await world.TryOpenAsync("a", before) is Opened;
            }
            catch (StoreFailedException)
            {
                disk.Crash();
            }

            var result = await world.TryOpenAsync("a", new MemoryReplicaStore(disk));
            Assert.IsType<Opened>(result);
            Assert.IsType<Refused>(await world.TryOpenAsync("a", world.NewStore()));
            Assert.InRange(flushes, 0, 20);
        }
    }

    [Fact]
    public async Task All_datacenters_of_a_group_found_their_replicas_side_by_side()
    {
        var world = new FoundingWorld(5);
        var results = await Task.WhenAll(world.Datacenters.Select(d => world.TryOpenAsync(d.Value)));
        Assert.All(results, static r => Assert.IsType<Opened>(r));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    public void Two_stores_of_one_datacenter_are_never_both_founded(int datacenters)
    {
        var (founded, neither) = (0, 0);
        for (var seed = 1UL; seed <= 400; seed++)
        {
            var opened = Compete(datacenters, seed);
            Assert.True(opened <= 1, $"seed {seed}: both were founded");
            founded += opened;
            neither += 1 - opened;
        }

        // Both endings must have been seen, or the orders were not random.
        Assert.True(founded > 0 && neither > 0, $"{founded} founded, {neither} not");
    }

    private static int Compete(int datacenters, ulong seed)
    {
        var random = new SeededRandomSource(seed);
        var world = new FoundingWorld(datacenters);
        var waiting = new List<(Func<Task<IntroductionReply>> Call, TaskCompletionSource<IntroductionReply> Answer)>();
        var answered = new List<Action>();
        world.Deliver = call =>
        {
            var answer = new TaskCompletionSource<IntroductionReply>();
            waiting.Add((call, answer));
            return answer.Task;
        };
        MemoryReplicaStore[] stores = [world.Current[new("a")], world.NewStore()];
        var attempts = stores.Select(store => world.TryOpenAsync("a", store)).ToArray();
        var opened = new bool[2];
        for (var steps = 0; steps < 200; steps++)
        {
            if (waiting.Count > 0 && random.Next(0, 2) == 0)
            {
                // Delivered now, answered later or never; or lost.
                var (call, answer) = Take(waiting);
                if (random.Next(0, 5) == 0)
                {
                    answer.SetException(new TimeoutException());
                    continue;
                }

                var reply = call().Result;
                answered.Add(() =>
                {
                    if (random.Next(0, 6) == 0)
                    {
                        answer.SetException(new TimeoutException());
                    }
                    else
                    {
                        answer.SetResult(reply);
                    }
                });
            }
            else if (answered.Count > 0)
            {
                Take(answered)();
            }

            for (var i = 0; i < 2; i++)
            {
                if (attempts[i].IsCompleted && !opened[i])
                {
                    opened[i] = attempts[i].Result is Opened;
                    attempts[i] = opened[i] || steps > 150 ? attempts[i] : world.TryOpenAsync("a", stores[i]);
                }
            }
        }

        return opened.Count(static o => o);

        T Take<T>(List<T> list)
        {
            var at = random.Next(0, list.Count);
            var taken = list[at];
            list.RemoveAt(at);
            return taken;
        }
    }

    /// <summary>A store whose process dies when it has written so often.</summary>
    private sealed class FlushLimit(MemoryReplicaStore inner, int flushes) : IReplicaStore
    {
        private int left = flushes;

        public StoreIdentity Identity => inner.Identity;

        public StoreHealth Health => inner.Health;

        public ValueTask<IReplicaStorage?> OpenAsync(ReplicaName replica, ReplicaFounding? founding, CancellationToken cancellationToken = default)
        {
            Count();
            return inner.OpenAsync(replica, founding, cancellationToken);
        }

        public ValueTask<IReadOnlyList<ReplicaName>> ListReplicasAsync(CancellationToken cancellationToken = default) => inner.ListReplicasAsync(cancellationToken);

        public ValueTask<ReadOnlyMemory<byte>?> GetRecordAsync(string key, CancellationToken cancellationToken = default) => inner.GetRecordAsync(key, cancellationToken);

        public ValueTask<ReadOnlyMemory<byte>> AddRecordAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
        {
            Count();
            return inner.AddRecordAsync(key, value, cancellationToken);
        }

        public ValueTask PutRecordAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
        {
            Count();
            return inner.PutRecordAsync(key, value, cancellationToken);
        }

        public ValueTask DisposeAsync() => inner.DisposeAsync();

        private void Count()
        {
            if (left-- == 0)
            {
                throw new StoreFailedException("the process died");
            }
        }
    }
}
