using System.Diagnostics.Metrics;
using MultiDc.Grains;
using MultiDc.Server.Replication;
using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Tests.Replication;

/// <summary>How many bytes a shard holds: counted once, and right ever after.</summary>
public sealed class PumpSizeTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whenever_it_is_counted_it_is_what_the_keys_and_values_have(int seed)
    {
        using var group = new PumpGroup(seed: (ulong)seed);
        var random = new Random(seed);
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        var model = new Dictionary<string, string>();
        var sequence = 0UL;
        Write(40);
        Assert.Null(leader.Pump!.StateBytes);
        var first = leader.Pump.CountStateAsync();

        // What is applied while it counts is in the sum, and not twice.
        Write(10);
        group.SettledElsewhere(first.ContinueWith(static _ => true, TaskScheduler.Default));
        Check(leader);
        Write(60);
        Check(leader);

        // Another replica counts for itself, also one that opened its store again.
        var other = group.Followers[0];
        PumpGroup.Stop(other);
        group.Start(other);
        group.Tick(30);
        Assert.Null(other.Pump!.StateBytes);
        group.SettledElsewhere(other.Pump.CountStateAsync().ContinueWith(static _ => true, TaskScheduler.Default));
        Check(other);
        Write(20);
        group.Tick(5);
        Check(other);

        void Write(int times)
        {
            for (var i = 0; i < times; i++)
            {
                var (key, value) = ($"k{random.Next(12)}", new string('v', random.Next(30)));
                WriteOperation operation = random.Next(4) switch
                {
                    0 => new DeleteOperation(Writes.Bytes(key)),
                    1 => new AppendOperation(Writes.Bytes(key), Writes.Bytes(value)),
                    2 => BatchOperation.Of(null, [new PutOperation(Writes.Bytes(key), Writes.Bytes("x")), new PutOperation(Writes.Bytes(key), Writes.Bytes(value))]),
                    _ => new PutOperation(Writes.Bytes(key), Writes.Bytes(value)),
                };
                Assert.IsType<Applied>(group.Settled(PumpGroup.Propose(group.Leader, new WriteCommand(session, new(++sequence), operation))).Result, exactMatch: false);
                switch (operation)
                {
                    case DeleteOperation:
                        model.Remove(key);
                        break;
                    case AppendOperation:
                        model[key] = model.GetValueOrDefault(key, "") + value;
                        break;
                    default:
                        model[key] = value;
                        break;
                }
            }
        }

        void Check(Replica replica) => Assert.Equal(model.Sum(static entry => entry.Key.Length + entry.Value.Length), replica.Pump!.StateBytes);
    }

    [Fact]
    public void The_sizes_of_a_keyspaces_shards_are_told_together()
    {
        using var metrics = new ReplicaMetrics(null);
        var told = new Dictionary<string, long>();
        using var listener = new MeterListener { InstrumentPublished = static (instrument, listener) => Enable(instrument, listener) };
        listener.SetMeasurementEventCallback<long>((_, size, tags, _) => told[(string)tags[0].Value!] = size);
        using var one = metrics.WatchSize("size-test-a", static () => 3);
        using var two = metrics.WatchSize("size-test-a", static () => 4);
        using var follower = metrics.WatchSize("size-test-a", static () => null);
        using (metrics.WatchSize("size-test-b", static () => 5))
        {
            listener.Start();
            listener.RecordObservableInstruments();
            Assert.Equal((7, 5), (told["size-test-a"], told["size-test-b"]));
        }

        told.Clear();
        listener.RecordObservableInstruments();
        Assert.False(told.ContainsKey("size-test-b"));

        static void Enable(Instrument instrument, MeterListener listener)
        {
            if (instrument.Name == "multidc.keyspace.size")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        }
    }
}
