using MultiDc.Server.Founding;

namespace MultiDc.Server.Tests.Founding;

public sealed class HomeRegisterTests
{
    private const string Silo = "dc1/silo-1";
    private const string Replica = "kv/0@dc1";
    private const string Second = "kv/0@dc1#2";
    private static readonly Guid Old = new(1, 0, 0, new byte[8]);
    private static readonly Guid New = new(2, 0, 0, new byte[8]);
    private static readonly Guid Newer = new(3, 0, 0, new byte[8]);

    private readonly Records ring = new();
    private readonly HashSet<Guid> present = [];

    private HomeRegister Register => new(ring);

    [Fact]
    public async Task The_first_that_claims_stays_the_home()
    {
        Assert.Equal(new(Old, 0), await ClaimAsync(Old));
        Assert.Equal(new(Old, 0), await ClaimAsync(New));
        Assert.Equal(new(Old, 0), await ClaimAsync(Old));
        Assert.Null(await Register.ClaimAsync("other", New, mayFound: false, []));
    }

    [Fact]
    public async Task A_new_store_under_the_silos_name_takes_the_place_of_one_that_is_gone()
    {
        await BeginAsync();
        Assert.True(await RegisterAsync(New));
        Assert.Equal(new(New, 1), await ClaimAsync(New));
        Assert.Equal(new(New, 1), await ClaimAsync(New));
    }

    [Fact]
    public async Task A_store_that_a_silo_may_have_is_not_retired()
    {
        await BeginAsync();
        present.Add(Old);
        Assert.False(await RegisterAsync(New));
        Assert.Equal(new(Old, 0), await ClaimAsync(New));
        present.Clear();
        Assert.True(await RegisterAsync(New));
        Assert.Equal(new(New, 1), await ClaimAsync(New));
    }

    [Fact]
    public async Task A_store_that_was_registered_before_retires_nobody()
    {
        await BeginAsync();
        Assert.True(await RegisterAsync(New, isNew: false));
        Assert.Equal(new(Old, 0), await ClaimAsync(New));
    }

    [Fact]
    public async Task A_store_that_moved_to_another_silo_is_not_retired_under_its_old_name()
    {
        await BeginAsync();
        Assert.True(await RegisterAsync(Old, isNew: false, silo: "dc1/silo-2"));
        Assert.True(await RegisterAsync(New));
        Assert.Equal(new(Old, 0), await ClaimAsync(New));
    }

    [Fact]
    public async Task A_retired_store_takes_nothing_back_also_when_its_successor_is_lost()
    {
        await BeginAsync();
        await RegisterAsync(New);
        await ClaimAsync(New);
        Assert.True(await RegisterAsync(Old, isNew: false));
        Assert.True(await RegisterAsync(Newer));
        Assert.Equal(new(New, 1), await ClaimAsync(Old));
        Assert.Equal(new(Newer, 2), await ClaimAsync(Newer));
    }

    [Fact]
    public async Task Of_two_that_claim_at_once_one_is_the_home()
    {
        await BeginAsync();
        await RegisterAsync(New);
        await RegisterAsync(Newer, silo: "dc1/silo-2");
        ReplicaHome? other = null;
        ring.BeforeWrite = async () =>
        {
            ring.BeforeWrite = null;
            other = await ClaimAsync(Newer);
        };
        Assert.Null(await ClaimAsync(New));
        Assert.Equal(new(Newer, 1), other);
        Assert.Equal(new(Newer, 1), await ClaimAsync(New));
    }

    [Fact]
    public async Task A_store_is_the_home_of_one_of_a_shards_replicas_in_its_datacenter_and_of_no_other()
    {
        Assert.Equal(new(Old, 0), await ClaimAsync(Old, Second));
        Assert.Null(await ClaimAsync(Old));
        Assert.Equal(new(New, 0), await ClaimAsync(New));
        Assert.Equal(new(New, 0), await ClaimAsync(Newer));
        Assert.Equal(new(New, 0), await ClaimAsync(Old));

        // Nor does it take the place of one that is lost.
        Assert.True(await RegisterAsync(Old, silo: "dc1/silo-2"));
        Assert.True(await RegisterAsync(New));
        Assert.True(await RegisterAsync(Newer));
        Assert.Null(await ClaimAsync(Old));
        Assert.Equal(new(Newer, 1), await ClaimAsync(Newer));
    }

    [Fact]
    public async Task A_store_that_claims_two_of_a_shards_replicas_at_once_gets_one()
    {
        ReplicaHome? other = null;
        ring.BeforeWrite = async () =>
        {
            ring.BeforeWrite = null;
            other = await ClaimAsync(Old, Second);
        };
        Assert.Null(await ClaimAsync(Old));
        Assert.Equal(new(Old, 0), other);
        Assert.Null(await ClaimAsync(Old));
        Assert.Equal(new(New, 0), await ClaimAsync(New));
    }

    // Wiped at every step, whether or not the write arrived, and also when what came in its place was lost at that step.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_crash_at_any_write_is_resumed(bool isWipedAgain)
    {
        for (var arrives = 0; arrives < 2; arrives++)
        {
            for (var step = 0; step < 5; step++)
            {
                ring.Clear();
                await BeginAsync();
                ring.CrashAt(step, arrives == 1);
                try
                {
                    Assert.True(await RegisterAsync(New));
                    await ClaimAsync(New);
                }
                catch (RingUnavailableException)
                {
                }

                ring.CrashAt(int.MaxValue, false);
                var store = isWipedAgain ? Newer : New;
                Assert.True(await RegisterAsync(store));
                var home = await ClaimAsync(store);
                Assert.Equal(store, home?.StoreId);
                Assert.True(home!.IsReplacement);
            }
        }
    }

    [Fact]
    public async Task A_home_that_is_lost_before_its_silos_record_names_it_is_replaced_too()
    {
        await BeginAsync();
        ring.CrashAt(2, false);
        await Assert.ThrowsAsync<RingUnavailableException>(() => RegisterAsync(New));
        ring.CrashAt(int.MaxValue, false);
        Assert.Equal(new(New, 1), await ClaimAsync(New));
        Assert.True(await RegisterAsync(Newer));
        Assert.Equal(new(Newer, 2), await ClaimAsync(Newer));
    }

    [Theory]
    [InlineData(0, "000102030405060708090A0B0C0D0E0F")]
    [InlineData(3, "0203000000000102030405060708090A0B0C0D0E0F")]
    public void Homes_are_what_they_were_in_every_version(int generation, string golden)
    {
        var home = new ReplicaHome(new Guid("03020100-0504-0706-0809-0a0b0c0d0e0f"), generation);
        Assert.Equal(golden, Convert.ToHexString(home.Serialize()));
        Assert.Equal(home, ReplicaHome.Deserialize(Convert.FromHexString(golden)));
        Assert.Throws<FormatException>(() => ReplicaHome.Deserialize(Convert.FromHexString("03" + golden[2..] + "00")));
    }

    private async Task BeginAsync()
    {
        Assert.True(await RegisterAsync(Old));
        Assert.Equal(new(Old, 0), await ClaimAsync(Old));
    }

    private Task<bool> RegisterAsync(Guid store, bool isNew = true, string silo = Silo) =>
        Register.RegisterAsync(silo, store, isNew, lost => Task.FromResult(present.Contains(lost)));

    private Task<ReplicaHome?> ClaimAsync(Guid store, string replica = Replica) => Register.ClaimAsync(replica, store, mayFound: true, [replica == Replica ? Second : Replica]);

    private sealed class Records : IRingRecords
    {
        private readonly Dictionary<string, byte[]> records = [];
        private int writesLeft = int.MaxValue;
        private bool lastArrives;

        public Func<Task>? BeforeWrite { get; set; }

        public void Clear() => records.Clear();

        public void CrashAt(int write, bool arrives) => (writesLeft, lastArrives) = (write, arrives);

        public Task<ReadOnlyMemory<byte>?> GetAsync(string key) =>
            Task.FromResult(records.TryGetValue(key, out var value) ? (ReadOnlyMemory<byte>?)value : null);

        public async Task<bool> TryReplaceAsync(
            string key, ReadOnlyMemory<byte>? expected, ReadOnlyMemory<byte> value, IReadOnlyCollection<KeyValuePair<string, ReadOnlyMemory<byte>?>>? unchanged)
        {
            if (BeforeWrite is { } before && key.StartsWith("home/", StringComparison.Ordinal))
            {
                await before();
            }

            var isCrash = writesLeft-- <= 0;
            if (isCrash && !lastArrives)
            {
                throw new RingUnavailableException("crashed");
            }

            var isExpected = Is(key, expected) && (unchanged ?? []).All(other => Is(other.Key, other.Value));
            if (isExpected)
            {
                records[key] = value.ToArray();
            }

            return isCrash ? throw new RingUnavailableException("crashed") : isExpected;
        }

        private bool Is(string key, ReadOnlyMemory<byte>? expected) =>
            records.TryGetValue(key, out var present) ? expected is { } wanted && wanted.Span.SequenceEqual(present) : expected is null;
    }
}
