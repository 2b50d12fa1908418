using MultiDc.Grains;

namespace MultiDc.Client.Tests;

public sealed class BatchTextTests
{
    private static readonly byte[] Key = "ключ"u8.ToArray();
    private static readonly byte[] Value = "wert"u8.ToArray();

    [Fact]
    public void Conditions_ask_what_their_names_say()
    {
        Means(CompareTarget.Version, CompareRelation.Greater, 0, When.Exists("ключ"));
        Means(CompareTarget.Version, CompareRelation.Equal, 0, When.Absent("ключ"));
        Means(CompareTarget.CreateRevision, CompareRelation.Equal, 7, When.CreatedAt("ключ", new(7)));
        Means(CompareTarget.ModifyRevision, CompareRelation.Equal, 9, When.ModifiedAt("ключ", new(9)));
        var value = When.ValueEquals("ключ", "wert");
        Means(CompareTarget.Value, CompareRelation.Equal, 0, value);
        Assert.Equal(Value, value.Value);

        static void Means(CompareTarget target, CompareRelation relation, ulong number, Compare condition)
        {
            Assert.Equal(Key, condition.Key);
            Assert.Equal((target, relation, number), (condition.Target, condition.Relation, condition.Number));
        }
    }

    [Fact]
    public void Operations_do_what_their_names_say()
    {
        Assert.Equal(Key, Assert.IsType<GetOperation>(Do.Get("ключ")).Key);
        Assert.Equal(Key, Assert.IsType<DeleteOperation>(Do.Delete("ключ")).Key);
        var put = Assert.IsType<PutOperation>(Do.Put("ключ", "wert"));
        Assert.Equal(Key, put.Key);
        Assert.Equal(Value, put.Value);
        var append = Assert.IsType<AppendOperation>(Do.Append("ключ", "wert"));
        Assert.Equal(Key, append.Key);
        Assert.Equal(Value, append.Value);
        var add = Assert.IsType<AddOperation>(Do.Add("ключ", -3));
        Assert.Equal(Key, add.Key);
        Assert.Equal(-3, add.Delta);
        var max = Assert.IsType<MaxOperation>(Do.Max("ключ", 5));
        Assert.Equal(Key, max.Key);
        Assert.Equal(5, max.Number);
    }
}
