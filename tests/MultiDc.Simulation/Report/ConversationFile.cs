namespace MultiDc.Simulation;

/// <summary>Runs a seed with its conversation written to a file.</summary>
internal static class ConversationFile
{
    public static RunResult Write(ulong seed, string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var file = new StreamWriter(path);
        return new SimulationRun(seed, file).Go();
    }
}
