using MultiDc.Linearizability;
using MultiDc.Raft;
using MultiDc.Server.Replication;
using Xunit.Abstractions;

namespace MultiDc.Server.Tests.Replication;

/// <summary>
/// Clients with sessions and retries against three pumps, while replicas crash, are cut off, wait for their disks and are opened a second
/// time, and messages are lost, doubled, delayed and reordered. Every history must be linearizable and every counter exact. A seed repeats
/// its run.
/// </summary>
public sealed class RandomPumpTests(ITestOutputHelper output)
{
    private const int Seeds = 50;
    private const int Steps = 1500;

    [Fact]
    public void Every_history_is_linearizable_and_every_counter_exact()
    {
        var operations = 0;
        for (var seed = 1UL; seed <= Seeds; seed++)
        {
            try
            {
                operations += new RandomRun(seed).Go();
            }
            catch (Exception exception)
            {
                output.WriteLine($"failing seed: {seed}");
                throw new InvalidOperationException($"seed {seed}: {exception.Message}", exception);
            }
        }

        output.WriteLine($"{operations} operations in {Seeds} runs");
        Assert.True(operations > Seeds * 30, $"only {operations} operations were answered in {Seeds} runs");
    }

    [Fact]
    public void Reads_by_followers_up_to_an_index_that_the_leader_told_are_linearizable()
    {
        for (var seed = 1UL; seed <= Seeds; seed++)
        {
            try
            {
                new RandomRun(seed, FollowerReads.UpToIndex).Go();
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"seed {seed}: {exception.Message}", exception);
            }
        }
    }

    [Fact]
    public void Reads_by_followers_that_do_not_ask_are_found_out()
    {
        var found = Enumerable.Range(1, Seeds).Count(static seed =>
        {
            try
            {
                new RandomRun((ulong)seed, FollowerReads.WithoutAsking).Go();
                return false;
            }
            catch (Xunit.Sdk.XunitException)
            {
                return true;
            }
        });
        output.WriteLine($"found out in {found} of {Seeds} runs");
        Assert.True(found > Seeds / 2);
    }

    private sealed class RandomRun
    {
        private readonly SeededRandomSource random;
        private readonly PumpGroup group;
        private readonly List<Operation> history = [];
        private readonly RandomClient[] clients;
        private readonly Dictionary<Replica, IDisposable> holds = [];
        private readonly List<(Replica Replica, ReplicaPump Pump)> zombies = [];
        private long now;
        private bool isCalm;

        public RandomRun(ulong seed, FollowerReads followerReads = FollowerReads.None)
        {
            random = new(seed);
            group = new(seed: seed, options: new() { CompactAfterBytes = 2_500, KeepEntries = 5, SnapshotChunkBytes = 300 },
                nodeOptions: new() { Id = default, ElectionTimeoutTicks = 10, HeartbeatTicks = 2, AppendWhilePersisting = seed % 2 == 0 });
            group.Network.Shuffle = random;
            group.Network.Rule = _ => isCalm ? Fate.Deliver : random.Next(0, 100) switch
            {
                < 4 => Fate.Drop,
                < 8 => Fate.Duplicate,
                < 18 => Fate.Hold,
                _ => Fate.Deliver,
            };
            clients = [.. Enumerable.Range(0, 4).Select(i => new RandomClient(i, isPatient: i < 2, random, ChoosePump, () => now, history, followerReads))];
        }

        public int Go()
        {
            for (var i = 0; i < Steps; i++)
            {
                now++;
                Step();
            }

            Calm();
            for (var i = 0; i < 3000 && clients.Any(static c => !c.IsIdle); i++)
            {
                now++;
                Step();
            }

            Assert.All(clients, static c => Assert.True(c.IsIdle, "an operation was never answered although all was well"));
            CheckCounters();
            var verdict = LinearizabilityChecker.Check(history);
            Assert.True(verdict is Linearizable, verdict.Explain());
            Assert.All(group.Replicas, static r => Assert.False(r.Pump!.Completion.IsCompleted));
            StopZombies(_ => true);
            group.Dispose();
            return history.Count(static o => o.Result == OperationResult.Ok);
        }

        private void Step()
        {
            var replica = group.Replicas[random.Next(0, 3)];
            switch (random.Next(0, 1000))
            {
                case < 100:
                    foreach (var ticked in group.Replicas.Where(_ => isCalm || random.Next(0, 10) > 0))
                    {
                        ticked.Pump?.Tick();
                    }

                    zombies.ForEach(static z => z.Pump.Tick());
                    break;
                case < 120:
                    group.Network.Release();
                    group.Network.TimeOutChunks();
                    break;
                case < 126 when !isCalm:
                    Disturb(replica);
                    break;
                case < 146:
                    Restore(replica);
                    break;
                case < 350:
                    foreach (var client in clients)
                    {
                        client.Step(mayBegin: !isCalm);
                    }

                    break;
                case < 600:
                    RunOnTurn(replica);
                    break;
                default:
                    foreach (var each in group.Replicas)
                    {
                        RunOnTurn(each);
                    }

                    group.Network.Deliver();
                    break;
            }
        }

        private void Disturb(Replica replica)
        {
            switch (random.Next(0, 5))
            {
                case 0 when replica.Pump is not null:
                    StopZombiesAfter(replica, () => PumpGroup.Crash(replica, random.Next(0, 3)));
                    break;
                case 1 when replica.Pump is not null && !holds.ContainsKey(replica):
                    PumpGroup.Stop(replica);
                    break;
                case 2:
                    group.Network.CutOff.Add(replica.Address.Datacenter);
                    break;
                case 3 when !holds.ContainsKey(replica):
                    holds.Add(replica, replica.Disk.HoldFlushes());
                    break;
                case 4 when replica.Pump is { } zombie && !holds.ContainsKey(replica):
                    // A second activation opens the store; the first goes on until it notices.
                    zombies.Add((replica, zombie));
                    group.StartPump(replica, replica.Storage = PumpGroup.Take(replica.Store.OpenAsync(replica.Name, null))!);
                    break;
            }
        }

        private void Restore(Replica replica)
        {
            group.Network.CutOff.Remove(replica.Address.Datacenter);
            ReleaseHold(replica);
            if (replica.Pump is null && !holds.ContainsKey(replica))
            {
                group.Start(replica);
            }
        }

        private void Calm()
        {
            isCalm = true;
            foreach (var replica in group.Replicas)
            {
                Restore(replica);
            }

            group.Network.Release();
            group.Network.TimeOutChunks();
        }

        // A crash also ends what other activations of the replica had under way.
        private void StopZombiesAfter(Replica replica, Action crash)
        {
            foreach (var pump in zombies.Where(z => z.Replica == replica).Select(static z => z.Pump).Append(replica.Pump!))
            {
                Array.ForEach(clients, client => client.Lose(pump));
            }

            crash();
            ReleaseHold(replica);
            StopZombies(r => r == replica);
        }

        private void StopZombies(Func<Replica, bool> of)
        {
            foreach (var (replica, pump) in zombies.Where(z => of(z.Replica)).ToArray())
            {
                var disposed = pump.DisposeAsync().AsTask();
                replica.Scheduler.RunUntil(() => disposed.IsCompleted);
                Assert.NotEqual(PumpStopReason.Broken, pump.Completion.Result.Reason);
                zombies.Remove((replica, pump));
            }
        }

        private void ReleaseHold(Replica replica)
        {
            if (holds.Remove(replica, out var hold))
            {
                var isWaiting = replica.Disk.PendingCount > 0;
                hold.Dispose();
                if (isWaiting)
                {
                    replica.Scheduler.RunUntil(() => !replica.Scheduler.IsIdle);
                }
            }
        }

        private static void RunOnTurn(Replica replica)
        {
            replica.Scheduler.RunUntilIdle();
            if (replica.Pump is { Completion: { IsCompleted: true } stop } && stop.Result.Reason is var reason)
            {
                Assert.Fail($"replica {replica} stopped by itself: {reason}: {stop.Result.Detail}");
            }
        }

        private ReplicaPump? ChoosePump() =>
            zombies.Count > 0 && random.Next(0, 3) == 0 ? zombies[random.Next(0, zombies.Count)].Pump : group.Replicas[random.Next(0, 3)].Pump;

        private void CheckCounters()
        {
            group.Network.Shuffle = null;
            group.ElectLeader();
            foreach (var client in clients)
            {
                var value = group.ReadNow(group.Leader, client.CounterKey) is { } text ? int.Parse(text) : 0;
                var unknown = history.Count(o => o.Key == client.CounterKey && o.Result == OperationResult.Unknown);
                Assert.InRange(value, client.Increments, client.Increments + unknown);
            }
        }
    }
}
