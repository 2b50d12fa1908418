using CsCheck;
using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Tests.StateMachine;

public sealed class EntryHeadsTests
{
    [Fact]
    public void What_it_remembers_is_what_was_set_last_and_no_more_than_there_is_room_for() => Gen.Select(Gen.Int[0, 9], Gen.Int[0, 3]).Array[1, 120].Sample(
        static steps =>
        {
            const int Max = 6;
            var budget = new EntryHeadBudget(Max);
            EntryHeads[] replicas = [new(budget), new(budget)];
            var set = new Dictionary<(int, int), EntryHead>();
            for (var i = 0; i < steps.Length; i++)
            {
                var ((key, what), of) = (steps[i], i % replicas.Length);
                switch (what)
                {
                    case 0 when key == 0:
                        replicas[of].Clear();
                        Assert.Equal(0, replicas[of].Count);
                        break;
                    case 0:
                        replicas[of].Remove(Row(key));
                        set.Remove((of, key));
                        break;
                    default:
                        var head = new EntryHead(new(1), new((ulong)i), (ulong)i, default, i);
                        set[(of, key)] = head;
                        replicas[of].Set(Row(key), head);
                        break;
                }

                Assert.Equal(replicas.Sum(static one => one.Count), budget.Taken);
                Assert.InRange(budget.Taken, 0, Max);
                for (var row = 0; row < 10; row++)
                {
                    if (replicas[of].TryGet(Row(row), out var found))
                    {
                        Assert.Equal(set[(of, row)], found);
                    }
                }
            }
        },
        iter: 2000);

    [Fact]
    public void What_was_used_lately_outlives_what_was_not()
    {
        var heads = new EntryHeads(new());
        heads.Set(Row(0), new(new(1), new(1), 1, default, 1));
        heads.Set(Row(1), new(new(1), new(1), 1, default, 1));
        for (var key = 2; key < 30_000; key++)
        {
            Assert.True(heads.TryGet(Row(0), out _), $"the head in use was forgotten at {key}");
            heads.Set(Row(key), new(new(2), new(2), 1, default, 1));
        }

        Assert.False(heads.TryGet(Row(1), out _));
        Assert.InRange(heads.Count, 8_000, 20_000);
    }

    private static ReadOnlyMemory<byte> Row(int key) => BitConverter.GetBytes(key);
}
