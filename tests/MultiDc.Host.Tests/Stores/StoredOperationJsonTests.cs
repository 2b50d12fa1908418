using System.Text;
using System.Text.Json;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Host.Stores;

namespace MultiDc.Host.Tests.Stores;

public sealed class StoredOperationJsonTests
{
    private static readonly byte[] Key = "k"u8.ToArray();

    [Fact]
    public void Every_operation_has_its_name_and_its_fields()
    {
        Assert.Equal("""put {"value":"v"}""", Text(Do.Put("k", "v")));
        Assert.Equal("""put {"lease":7,"value":"v"}""", Text(new PutOperation(Key, "v"u8.ToArray()) { Lease = new(7) }));
        Assert.Equal("""add {"guard":"l","token":5,"number":-3}""", Text(Do.Add("k", -3) with { Guard = new("l", 5) }));
        Assert.Equal("""max {"number":3}""", Text(Do.Max("k", 3)));
        Assert.Equal("""append {"value":"v"}""", Text(Do.Append("k", "v")));
        Assert.Equal("""delete {}""", Text(Do.Delete("k")));
        Assert.Equal("""cas {"expect":null,"value":"v"}""", Text(new CompareAndSetOperation(Key, null, "v"u8.ToArray())));
        Assert.Equal("""forgetGuard {"guard":"l","token":5}""", Text(new ForgetGuardOperation(Key) { Guard = new("l", 5) }));
        Assert.Equal("""grantLease {"ttlMilliseconds":5000}""", Text(new GrantLeaseOperation(Key, TimeSpan.FromSeconds(5))));
        Assert.Equal("""keepAlive {"leases":[7,8]}""", Text(new KeepAliveOperation(Key, [new(7), new(8)])));
        Assert.Equal("""revokeLease {"lease":7}""", Text(new RevokeLeaseOperation(Key, new(7))));
        Assert.Equal(
            """batch {"if":[{"key":"k","target":"value","relation":"equal","value":"v"},{"key":"k","target":"version","relation":"greater","number":0}],"then":[{"op":"get","key":"k"},{"op":"fence","key":"k","guard":"l"}],"else":[{"op":"add","key":"k","number":1}]}""",
            Text(BatchOperation.Of([When.ValueEquals("k", "v"), When.Exists("k")], [Do.Get("k"), new FenceOperation(Key, "l")], [Do.Add("k", 1)])));
    }

    private static string Text(WriteOperation operation)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            StoredOperationJson.WriteBody(json, operation);
            json.WriteEndObject();
        }

        return $"{StoredOperationJson.NameOf(operation)} {Encoding.UTF8.GetString(bytes.ToArray())}";
    }
}
