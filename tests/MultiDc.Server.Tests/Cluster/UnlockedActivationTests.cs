using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using MultiDc.Testing.Cluster;
using Xunit.Abstractions;
using static MultiDc.Testing.Cluster.MultiDcTestCluster;

namespace MultiDc.Server.Tests.Cluster;

/// <summary>
/// A grain that calls another one of its silo while Orleans holds its activation's lock deadlocks with one that calls it in the same moment. That takes a rare moment; the call itself is
/// seen in every start.
/// </summary>
[Collection(ClusterTests.Name)]
public sealed class UnlockedActivationTests(ITestOutputHelper output)
{
    private static readonly MethodInfo Locked = Type.GetType("Orleans.Runtime.ActivationData, Orleans.Runtime", throwOnError: true)!
        .GetMethod("Start", BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)!;

    [Fact]
    public async Task No_grain_calls_another_while_its_activation_is_locked()
    {
        Assert.NotNull(Locked);
        var callers = new ConcurrentDictionary<string, bool>();
        var locked = new ConcurrentDictionary<string, string>();
        await using var cluster = await StartAsync(new()
        {
            StartTogether = true,
            ConfigureSilo = silo => silo.AddOutgoingGrainCallFilter(context =>
            {
                if (context.SourceId is { } caller && !caller.IsSystemTarget())
                {
                    callers.TryAdd(caller.Type.ToString()!, true);
                    var stack = new StackTrace();
                    if (stack.GetFrames().Any(static frame => frame.GetMethod() == Locked))
                    {
                        locked.TryAdd($"{caller.Type} calls {context.InterfaceName}.{context.MethodName}", stack.ToString());
                    }
                }

                return context.Invoke();
            }),
        });
        await cluster.WaitUntilAllRunAsync();

        output.WriteLine($"callers: {string.Join(", ", callers.Keys.Order())}");
        Assert.Contains(callers.Keys, static caller => caller.Contains("ring", StringComparison.OrdinalIgnoreCase));
        Assert.Contains(callers.Keys, static caller => caller.Contains("replica", StringComparison.OrdinalIgnoreCase));
        Assert.True(locked.IsEmpty, string.Join("\n\n", locked.Select(static one => $"{one.Key}\n{one.Value}")));
    }
}
