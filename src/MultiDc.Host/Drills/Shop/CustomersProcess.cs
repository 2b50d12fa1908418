using System.Diagnostics;
using System.Text.Json;

namespace MultiDc.Host.Drills.Shop;

/// <summary>The customers: a process in the network of a datacenter that follows orders.</summary>
internal sealed class CustomersProcess : IDisposable
{
    private readonly Process process;
    private readonly string file;
    private readonly Task<string> complaints;

    private CustomersProcess(Process process, string file)
    {
        this.process = process;
        this.file = file;
        complaints = process.StandardError.ReadToEndAsync();
    }

    public static CustomersProcess Start(LocalSystem system, string datacenter, long startedAt, ShopDrillOptions options, string file) => new(
        system.StartIn(
            datacenter,
            [.. LoadProcess.ThisProgram, CustomersCommand.Name, $"{startedAt}", $"{options.Customers}", $"{options.Seed}", file, .. system.Shops.Select(static shop => $"{shop.Key}={shop.Value}")]),
        file);

    /// <summary>Gives an order and waits until it is carried out.</summary>
    /// <returns>What it told besides.</returns>
    public async Task<string> OrderAsync(string order, CancellationToken stop)
    {
        await process.StandardInput.WriteLineAsync(order.AsMemory(), stop);
        await process.StandardInput.FlushAsync(stop);
        var answer = await process.StandardOutput.ReadLineAsync(stop);
        return answer?.Split(' ', 2) is [var done, var told] && done == order
            ? told
            : throw new DrillFailedException($"the customers did not carry out '{order}' but said '{answer}': {(process.HasExited ? (await complaints).Trim() : "")}");
    }

    /// <summary>What they have written down, after the order "write".</summary>
    public async Task<IReadOnlyList<ShopEvent>> ReadEventsAsync(CancellationToken stop) =>
        [.. (await File.ReadAllLinesAsync(file, stop)).Select(static line => JsonSerializer.Deserialize<ShopEvent>(line)!)];

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }

        process.Dispose();
    }
}
