using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Server.Replication;
using MultiDc.Server.StateMachine;
using Xunit.Abstractions;

namespace MultiDc.Server.Tests.Replication;

/// <summary>
/// Clients that add 1 to one counter, whose answers are mostly lost and who then repeat their request at any replica, while messages are lost and doubled, leaders crash
/// and are cut off. Every increment counts once, every answer is the increment's own, and sessions do not pile up. A few thousand increments, or as many as
/// MULTIDC_INCREMENTS says.
/// </summary>
public sealed class IncrementStormTests(ITestOutputHelper output)
{
    private const int Clients = 16;
    private const int IncrementsOfSession = 12;
    private static readonly int Wanted = int.TryParse(Environment.GetEnvironmentVariable("MULTIDC_INCREMENTS"), out var wanted) ? wanted : 4000;

    [Fact]
    public void Every_increment_counts_once_and_is_answered_with_its_own_sum()
    {
        var random = new SeededRandomSource(11);
        using var group = new PumpGroup(seed: 11, options: new() { CompactAfterBytes = 100_000, KeepEntries = 100 });
        group.ElectLeader();
        group.Network.Rule = _ => random.Next(0, 100) switch { 0 => Fate.Drop, 1 => Fate.Duplicate, _ => Fate.Deliver };
        var numbers = new List<long>();
        var begun = 0;
        var clients = Enumerable.Range(0, Clients).Select(_ => new Client(random, () => ++begun <= Wanted, numbers)).ToArray();
        var disturbances = 0;
        for (var round = 1; clients.Any(static c => !c.IsDone); round++)
        {
            Assert.True(round < Wanted, $"{numbers.Count} of {Wanted} increments were answered in {round} rounds");
            foreach (var client in clients)
            {
                client.Step(random.Next(0, 6) == 0 ? group.Replicas[random.Next(0, 3)].Pump : group.Leader?.Pump);
            }

            group.Run();
            if (round % 4 == 0)
            {
                group.Tick(1);
            }

            if (round % 150 == 0)
            {
                disturbances++;
                Disturb(group, disturbances % 2 == 0);
            }

            group.Network.Sent.Clear();
        }

        Assert.Equal(Enumerable.Range(1, Wanted).Select(static n => (long)n), numbers.Order());
        group.Network.Rule = static _ => Fate.Deliver;
        group.Tick(40);
        var leader = group.ElectLeader();
        Assert.Equal($"{Wanted}", group.ReadNow(leader, "counter"));
        var sessions = clients.Sum(static c => c.Sessions);
        Assert.All(group.Replicas, static replica => Assert.InRange(SessionRows(replica), 1, KeyValueStateMachine.MaxSessions));
        output.WriteLine($"{Wanted} increments in {clients.Sum(static c => c.Attempts)} attempts and {sessions} sessions, of which {SessionRows(leader)} are remembered; {disturbances} leaders crashed or were cut off");
        Assert.True(clients.Sum(static c => c.Attempts) > Wanted * 3 / 2, "answers were lost");
    }

    private static void Disturb(PumpGroup group, bool isCrash)
    {
        var leader = group.Leader;
        if (isCrash)
        {
            PumpGroup.Crash(leader);
        }
        else
        {
            group.Network.CutOff.Add(leader.Address.Datacenter);
        }

        group.Tick(60);
        group.Network.CutOff.Clear();
        if (isCrash)
        {
            group.Start(leader);
        }

        group.Tick(30);
    }

    private static int SessionRows(Replica replica)
    {
        using var view = replica.Storage.State.OpenView();
        return view.ScanAsync(StateRows.FirstSession, StateRows.AfterSessions).ToBlockingEnumerable().Count();
    }

    private sealed class Client(SeededRandomSource random, Func<bool> mayBegin, List<long> numbers)
    {
        private SessionId? session;
        private ulong sequence;
        private bool isUnderWay;
        private Task<ApplyResult>? attempt;
        private int roundsInAttempt;

        public bool IsDone { get; private set; }

        public int Attempts { get; private set; }

        public int Sessions { get; private set; }

        public void Step(ReplicaPump? pump)
        {
            if (IsDone)
            {
                return;
            }

            // Six of ten answers are lost, whatever they say.
            if (attempt is { IsCompleted: true } && random.Next(0, 10) < 4)
            {
                Take(attempt.Result);
            }

            if (attempt is null or { IsCompleted: true } || ++roundsInAttempt > 8)
            {
                Begin(pump);
            }
        }

        private void Take(ApplyResult result)
        {
            if (session is null)
            {
                session = result.Session;
                sequence = 0;
            }
            else if (result.Result is AppliedNumber applied)
            {
                numbers.Add(applied.Number);
                isUnderWay = false;
                session = sequence == IncrementsOfSession ? null : session;
            }
            else
            {
                Assert.True(result.Result is Unknown or Rejected { Reason: RejectionReason.NotLeader or RejectionReason.NotReady or RejectionReason.Overloaded }, $"{result.Result}");
            }
        }

        private void Begin(ReplicaPump? pump)
        {
            (attempt, roundsInAttempt) = (null, 0);
            if (session is not null && !isUnderWay)
            {
                isUnderWay = mayBegin();
                IsDone = !isUnderWay;
                sequence++;
            }

            if (!IsDone && pump is not null)
            {
                Attempts += session is null ? 0 : 1;
                Sessions += session is null ? 1 : 0;
                attempt = pump.ProposeAsync(KeyValueCommandCodec.Encode(
                    session is { } mine ? new WriteCommand(mine, new(sequence), new AddOperation("counter"u8.ToArray(), 1)) : OpenSessionCommand.Instance));
            }
        }
    }
}
