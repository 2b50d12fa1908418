using MultiDc.Linearizability;
using MultiDc.Raft;
using MultiDc.Server.Replication;
using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Tests.Replication;

/// <summary>
/// A client of a random run: one operation after the other, each retried at any replica with its session and sequence, until it is
/// answered or, if the client is impatient, given up. Writes down what it knows about each.
/// </summary>
internal sealed class RandomClient(
    int number, bool isPatient, SeededRandomSource random, Func<ReplicaPump?> choosePump, Func<long> now, List<Operation> history, FollowerReads followerReads = FollowerReads.None)
{
    private static readonly string[] Keys = ["x", "y"];
    private const int AttemptSteps = 40;

    private SessionId? session;
    private ulong sequence;
    private Operation? current;
    private bool mayHaveHappened;
    private int attempts;
    private int stepsInAttempt;
    private Task<ApplyResult>? opening;
    private Task<ApplyResult>? write;
    private Task<string?>? read;

    // A follower read on its way: the index is asked of one replica, waited for at another, and read there.
    private Task<LogIndex?>? index;
    private Task<bool>? applied;
    private ReplicaPump? reader;
    private int countKnown;
    private int countExpected;
    private bool countIsKnown;

    /// <summary>How often this client's own counter was incremented for certain.</summary>
    public int Increments { get; private set; }

    public string CounterKey => $"count{number}";

    public bool IsIdle => current is null;

    /// <summary>Makes one move; with <paramref name="mayBegin"/> an idle client begins something new.</summary>
    public void Step(bool mayBegin)
    {
        stepsInAttempt++;
        if (session is null)
        {
            OpenSession();
        }
        else if (current is null)
        {
            if (mayBegin)
            {
                Begin();
            }
        }
        else if (write is { IsCompleted: true })
        {
            Take(write.Result.Result);
        }
        else if (read is { IsCompleted: true })
        {
            Take(read.Result);
        }
        else if (index is { IsCompleted: true, Result: var told })
        {
            (applied, index) = (told is { } known ? reader!.WaitUntilAppliedAsync(known, TimeSpan.FromHours(1)) : Task.FromResult(false), null);
        }
        else if (applied is { IsCompleted: true, Result: var isApplied })
        {
            (read, applied) = (isApplied ? reader!.ReadStaleAsync(ValueOf(current.Key), static _ => "!") : Task.FromResult<string?>("!"), null);
        }
        else if (stepsInAttempt > AttemptSteps || (write is null && read is null && index is null && applied is null))
        {
            mayHaveHappened |= write is not null;
            Retry();
        }
    }

    /// <summary>
    /// The power of a replica goes: what it had not answered it never will. Its pump still runs to its end, over a disk that has forgotten, and a read that
    /// asks the store for nothing would be answered by it.
    /// </summary>
    public void Lose(ReplicaPump pump)
    {
        if (reader == pump && write is null)
        {
            (read, index, applied, reader) = (null, null, null, null);
        }
    }

    private void OpenSession()
    {
        if (opening is { IsCompleted: true, Result.Session: { } opened })
        {
            session = opened;
        }
        else if (opening is null || opening.IsCompleted || stepsInAttempt > AttemptSteps)
        {
            stepsInAttempt = 0;
            opening = choosePump()?.ProposeAsync(KeyValueCommandCodec.Encode(OpenSessionCommand.Instance));
        }
    }

    private void Begin()
    {
        var key = Keys[random.Next(0, Keys.Length)];
        var value = $"{number}.{sequence + 1}";
        current = random.Next(0, 5) switch
        {
            0 => New(OperationKind.Get, key),
            1 => New(OperationKind.Put, key) with { Value = value },
            2 => New(OperationKind.Delete, key),
            3 => New(OperationKind.Cas, key) with { Value = value, Expect = history.LastOrDefault(o => o.Key == key && o.Value is not null)?.Value },
            _ when !countIsKnown => New(OperationKind.Get, CounterKey),
            _ => New(OperationKind.Cas, CounterKey) with { Expect = countKnown == 0 ? null : $"{countKnown}", Value = $"{countKnown + 1}" },
        };
        countExpected = countKnown;
        mayHaveHappened = false;
        attempts = 0;
        sequence += current.Kind == OperationKind.Get ? 0UL : 1UL;
        Attempt();

        Operation New(OperationKind kind, string of) => new() { Client = number, Kind = kind, Key = of, Start = now(), Result = OperationResult.Unknown };
    }

    private void Attempt()
    {
        attempts++;
        stepsInAttempt = 0;
        (write, read, index, applied) = (null, null, null, null);
        if (choosePump() is not { } pump)
        {
            return;
        }

        if (current!.Kind == OperationKind.Get)
        {
            if (followerReads == FollowerReads.None || random.Next(0, 2) == 0 || (reader = choosePump()) is null)
            {
                read = pump.ReadAsync(ValueOf(current.Key), static _ => "!");
            }
            else if (followerReads == FollowerReads.WithoutAsking)
            {
                read = reader.ReadStaleAsync(ValueOf(current.Key), static _ => "!");
            }
            else
            {
                index = pump.ReadAsync<LogIndex?>(static state => ValueTask.FromResult<LogIndex?>(state.Applied), static _ => null);
            }

            return;
        }

        write = pump.ProposeAsync(KeyValueCommandCodec.Encode(current.Kind switch
        {
            OperationKind.Put => Writes.Put(session!.Value, sequence, current.Key, current.Value!),
            OperationKind.Cas => Writes.CompareAndSet(session!.Value, sequence, current.Key, current.Expect, current.Value!),
            _ => new WriteCommand(session!.Value, new(sequence), new Grains.DeleteOperation(Writes.Bytes(current.Key))),
        }));
    }

    private static Func<Storage.IReplicaState, ValueTask<string?>> ValueOf(string key) =>
        async state => await KeyValueReader.GetAsync(state, Writes.Bytes(key)) is { } entry ? Writes.Text(entry.Value) : null;

    private void Take(WriteResult result)
    {
        switch (result)
        {
            case Applied:
                if (current!.Key == CounterKey)
                {
                    Increments++;
                    countKnown = countExpected + 1;
                }

                End(OperationResult.Ok, current.Kind == OperationKind.Cas ? "true" : null);
                break;
            case Rejected { Reason: RejectionReason.PreconditionFailed }:
                countIsKnown &= current!.Key != CounterKey;
                End(OperationResult.Ok, "false");
                break;
            case Rejected { Reason: RejectionReason.NotLeader or RejectionReason.NotReady or RejectionReason.Overloaded }:
                Retry();
                break;
            case Unknown:
                mayHaveHappened = true;
                Retry();
                break;
            default:
                throw new InvalidOperationException($"{current} was answered with {result}");
        }
    }

    private void Take(string? value)
    {
        if (value == "!")
        {
            Retry();
            return;
        }

        if (current!.Key == CounterKey)
        {
            (countKnown, countIsKnown) = (value is null ? 0 : int.Parse(value), true);
        }

        End(OperationResult.Ok, value);
    }

    private void Retry()
    {
        if (isPatient || attempts < 4)
        {
            Attempt();
        }
        else
        {
            countIsKnown &= current!.Key != CounterKey;
            End(mayHaveHappened ? OperationResult.Unknown : OperationResult.Fail, null);
        }
    }

    private void End(OperationResult result, string? output)
    {
        history.Add(current! with { Result = result, Output = output, End = result == OperationResult.Unknown ? null : now() });
        (current, write, read, index, applied) = (null, null, null, null, null);
    }
}

/// <summary>How a client of a random run reads from followers.</summary>
internal enum FollowerReads
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>Half of the time, up to the index that another replica told.</summary>
    UpToIndex,

    /// <summary>Without asking, which is wrong.</summary>
    WithoutAsking,
}
