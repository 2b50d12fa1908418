using CsCheck;

namespace MultiDc.Raft.Tests;

/// <summary>The window against a list that is searched from the front every time.</summary>
public sealed class InflightAppendsTests
{
    [Fact]
    public void The_window_does_what_a_plain_list_does() =>
        Gen.Select(Gen.Int[1, 5], Gen.Long[1, 100], Gen.Select(Gen.Int[0, 9], Gen.Int[1, 60]).List[0, 60]).Sample((maxCount, maxBytes, steps) =>
        {
            var window = new InflightAppends(maxCount, maxBytes);
            var twin = new List<(ulong Last, long Bytes)>();
            var last = 0UL;
            foreach (var (action, number) in steps)
            {
                switch (action)
                {
                    case 0:
                        window.Clear();
                        twin.Clear();
                        break;
                    case <= 3:
                        var match = last - Math.Min(last, (ulong)number % 8);
                        window.FreeUpTo(new LogIndex(match));
                        twin.RemoveAll(append => append.Last <= match);
                        break;
                    case var _ when window.IsFull:
                        Assert.Throws<RaftInvariantException>(() => window.Add(new LogIndex(last + 1), number));
                        break;
                    default:
                        last += 1 + ((ulong)number % 3);
                        window.Add(new LogIndex(last), number);
                        twin.Add((last, number));
                        break;
                }

                Assert.Equal(twin.Select(append => append.Last), window.Ends.Select(index => index.Value));
                Assert.Equal((twin.Count, twin.Sum(append => append.Bytes)), (window.Count, window.Bytes));
                Assert.Equal(twin.Count >= maxCount || twin.Sum(append => append.Bytes) >= maxBytes, window.IsFull);
            }
        });
}
