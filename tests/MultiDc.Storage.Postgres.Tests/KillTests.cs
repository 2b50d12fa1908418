namespace MultiDc.Storage.Postgres.Tests;

// In long form: dotnet exec MultiDc.Storage.Postgres.Tests.dll kill-process 50, and kill-server 50.
public sealed class KillTests
{
    [Fact]
    public async Task After_a_kill_of_the_process_every_acknowledged_write_is_there() =>
        await RunAsync(rounds: 3, KillLoop.Victim.Process);

    [Fact]
    public async Task After_a_kill_of_the_server_every_acknowledged_write_is_there() =>
        await RunAsync(rounds: 3, KillLoop.Victim.Server);

    private static async Task RunAsync(int rounds, KillLoop.Victim victim)
    {
        var said = new StringWriter();
        Assert.True(await KillLoop.RunAsync(rounds, victim, said) == 0, said.ToString());
    }
}
