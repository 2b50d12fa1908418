using MultiDc.Grains;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Tests.Attack;

/// <summary>Requests that a replica must refuse before they reach its log.</summary>
public sealed class GrainAttackTests
{
    [Fact]
    public async Task An_expected_value_larger_than_any_value_can_be_does_not_get_into_the_log()
    {
        // Larger than a message between silos may be, it could never be replicated, and nothing after it could.
        using var grain = new ReplicaGrain(null!, null!, null!, null!, null!, null!, null!, null!, null!, null!, null!, null!, TimeProvider.System, null!, null!);
        var rejected = await grain.WriteAsync(new(new(1), new(1), new CompareAndSetOperation("k"u8.ToArray(), new byte[KeyLimits.MaxValueBytes + 1], new byte[1]), TimeSpan.FromSeconds(1)));
        Assert.Equal(RejectionReason.InvalidArgument, Assert.IsType<Rejected>(rejected).Reason);
    }
}
