namespace MultiDc.Client.Tests;

public sealed class ReadSessionTests
{
    [Fact]
    public void A_session_needs_the_highest_revision_it_has_noted_of_a_shard()
    {
        var session = new ReadSession();
        Assert.Equal(new Revision(0), session.Begin(Shard(1)).Minimum);
        session.Begin(Shard(1)).Note(new(5));
        session.Begin(Shard(1)).Note(new(3));
        session.Begin(Shard(2)).Note(default);
        Assert.Equal(new Revision(5), session.Begin(Shard(1)).Minimum);
        Assert.Equal([KeyValuePair.Create(Shard(1), new Revision(5))], session.Token.Seen);
        Assert.Equal(new Revision(5), new ReadSession(SessionToken.Parse(session.Token.ToString())).Begin(Shard(1)).Minimum);
    }

    [Fact]
    public void Of_too_many_shards_the_oldest_are_forgotten_and_then_read_linearizably()
    {
        var session = new ReadSession();
        for (var i = 0; i <= SessionToken.MaxShards; i++)
        {
            session.Begin(Shard(i)).Note(new(10));
            session.Begin(Shard(0)).Note(new(1));
        }

        Assert.Equal(new Revision(10), session.Begin(Shard(0)).Minimum);
        Assert.Null(session.Begin(Shard(1)).Minimum);
        Assert.Null(session.Begin(Shard(1000)).Minimum);
        Assert.True(session.Token.HasForgotten);
        Assert.Null(new ReadSession(session.Token).Begin(Shard(1)).Minimum);
        session.Begin(Shard(1)).Note(new(12));
        Assert.Equal(new Revision(12), session.Begin(Shard(1)).Minimum);
    }

    [Fact]
    public void What_a_slow_read_brings_is_not_noted_over_something_later_that_was_forgotten_meanwhile()
    {
        var session = new ReadSession();
        var slow = session.Begin(Shard(0));
        session.Begin(Shard(0)).Note(new(9));
        for (var i = 1; i <= SessionToken.MaxShards; i++)
        {
            session.Begin(Shard(i)).Note(new(1));
        }

        slow.Note(new(5));
        Assert.Null(session.Begin(Shard(0)).Minimum);
    }

    // The twin forgets nothing: it keeps the highest revision of every shard in a dictionary. Sessions split, go on elsewhere from a token's text and are joined again,
    // while operations are under way.
    [Theory]
    [InlineData(3)]
    [InlineData(60)]
    [InlineData(80)]
    [InlineData(500)]
    public void A_session_never_needs_less_than_a_twin_that_forgets_nothing(int shards)
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            var newest = new ulong[shards];
            var sessions = new List<(ReadSession Session, Dictionary<ShardId, ulong> Twin, List<(SessionOperation Operation, ShardId Shard, ulong Result)> UnderWay)> { (new(), [], []) };
            for (var step = 0; step < 1500; step++)
            {
                var at = random.Next(sessions.Count);
                var (session, twin, underWay) = sessions[at];
                var number = random.Next(shards);
                var shard = Shard(number);
                switch (random.Next(20))
                {
                    case 0 when sessions.Count < 4:
                        sessions.Add((new(SessionToken.Parse(session.Token.ToString())), new(twin), []));
                        break;
                    case 1:
                        var (other, itsTwin, _) = sessions[random.Next(sessions.Count)];
                        session.Note(other.Token);
                        foreach (var (key, revision) in itsTwin.ToArray())
                        {
                            twin[key] = Math.Max(twin.GetValueOrDefault(key), revision);
                        }

                        break;
                    case < 5 when underWay.Count > 0:
                        var (ended, of, result) = underWay[random.Next(underWay.Count)];
                        underWay.Remove((ended, of, result));
                        ended.Note(new(result));
                        twin[of] = Math.Max(twin.GetValueOrDefault(of), result);
                        break;
                    default:
                        var operation = session.Begin(shard);
                        var known = twin.GetValueOrDefault(shard);
                        Assert.True(operation.Minimum is null || operation.Minimum.Value.Value == known, $"seed {seed}, step {step}: {operation.Minimum} where {known} was seen of {shard}");
                        Assert.True(operation.Minimum is not null || sessions.SelectMany(static s => s.Twin.Keys).Distinct().Count() > SessionToken.MaxShards);
                        var isWrite = random.Next(2) == 0;
                        if (isWrite)
                        {
                            newest[number] += (ulong)random.Next(1, 5);
                        }

                        // A write makes the newest; a linearizable read finds it; a session's read finds anything from its minimum up.
                        var found = isWrite || operation.Minimum is not { } minimum ? newest[number] : minimum.Value + (ulong)random.NextInt64((long)(newest[number] - minimum.Value) + 1);
                        if (random.Next(3) == 0)
                        {
                            underWay.Add((operation, shard, found));
                        }
                        else
                        {
                            operation.Note(new(found));
                            twin[shard] = Math.Max(known, found);
                        }

                        break;
                }

                Assert.InRange(session.Token.Seen.Count, 0, SessionToken.MaxShards);
            }
        }
    }

    private static ShardId Shard(int number) => new("default", number);
}
