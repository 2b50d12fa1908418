using System.Reflection;
using Microsoft.Extensions.Options;
using MultiDc.Server.Founding;
using MultiDc.Server.Hosting;
using MultiDc.Server.Replication;
using MultiDc.Server.Ring;
using MultiDc.Server.Transport;
using MultiDc.Server.Trust;
using MultiDc.Testing.Cluster;

namespace MultiDc.Server.Tests.Trust;

/// <summary>Who may call what only silos may call.</summary>
public sealed class SiloGateTests
{
    private static readonly Type[] SiloOnly = [typeof(IReplicaPeerGrain), typeof(IHomeRegisterGrain), typeof(IRaftReceiverGrain)];

    [Fact]
    public void Silos_of_one_system_with_one_key_let_each_other_in_and_nobody_else()
    {
        var gate = TestGate.Of(new('k', 32));
        gate.Require(TestGate.Of(new('k', 32)).Own);
        foreach (var stranger in (SiloCredential[])[default, new(new byte[32]), TestGate.Of(new('j', 32)).Own, TestGate.Of(new('k', 32), "other").Own, new(gate.Own.Proof[1..])])
        {
            Assert.Throws<UnauthorizedAccessException>(() => gate.Require(stranger));
        }
    }

    [Fact]
    public void The_credential_does_not_contain_the_key() =>
        Assert.Equal(-1, TestGate.Of(new('k', 32)).Own.Proof.Span.IndexOf("kkkk"u8));

    /// <summary>Every grain interface that is not public is between silos, and every method of those is on the list below.</summary>
    [Fact]
    public void Every_method_between_silos_takes_a_credential()
    {
        var interfaces = typeof(SiloGate).Assembly.GetTypes().Where(static type => type.IsInterface && !type.IsPublic && typeof(IAddressable).IsAssignableFrom(type))
            .Where(static type => !typeof(Orleans.Services.IGrainService).IsAssignableFrom(type)).ToArray();
        Assert.Equal(SiloOnly.OrderBy(static type => type.Name), interfaces.OrderBy(static type => type.Name));
        Assert.All(SiloOnly.SelectMany(static type => type.GetMethods()), static method => Assert.Single(method.GetParameters(), static parameter => parameter.ParameterType == typeof(SiloCredential)));
    }

    [Theory]
    [InlineData(typeof(ReplicaGrain))]
    [InlineData(typeof(RingGrain))]
    [InlineData(typeof(RaftReceiverGrain))]
    public async Task Every_method_between_silos_looks_at_it_before_all_else(Type grain)
    {
        var gate = TestGate.Of(new('k', 32));
        var constructor = grain.GetConstructors().Single();
        var options = Options.Create(new MultiDcOptions());
        var needed = constructor.GetParameters().Select(object? (parameter) =>
            parameter.ParameterType == typeof(SiloGate) ? gate : parameter.ParameterType == typeof(IOptions<MultiDcOptions>) ? options : null);
        var instance = constructor.Invoke([.. needed]);
        foreach (var method in SiloOnly.Where(type => type.IsAssignableFrom(grain)).SelectMany(static type => type.GetMethods()))
        {
            var arguments = method.GetParameters().Select(static parameter => parameter.ParameterType.IsValueType ? Activator.CreateInstance(parameter.ParameterType) : null).ToArray();
            await Assert.ThrowsAsync<UnauthorizedAccessException>(async () =>
            {
                try
                {
                    await (Task)method.Invoke(instance, arguments)!;
                }
                catch (TargetInvocationException exception)
                {
                    throw exception.InnerException!;
                }
            });
        }
    }
}

/// <summary>An Orleans client that is no silo, at a real gateway.</summary>
[Collection(Cluster.ClusterTests.Name)]
public sealed class StrangerAtTheGatewayTests(Cluster.SharedCluster shared)
{
    [Fact]
    public async Task A_client_cannot_speak_as_a_replica()
    {
        MultiDcTestCluster cluster = shared.Cluster;
        var replica = new ReplicaAddress(new("default", 0), new(cluster.Options.Datacenters[0]));
        var peer = cluster.Grains.GetGrain<IReplicaPeerGrain>(replica.ToString());
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => peer.IntroduceAsync(new(cluster.Options.Datacenters[1]), Guid.NewGuid(), [], default, 0));
        var receiver = cluster.Grains.GetGrain<IRaftReceiverGrain>(replica.Datacenter.Value);
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => receiver.ReceiveAsync(new([]), TestGate.Of(new('x', 32)).Own));
    }
}
