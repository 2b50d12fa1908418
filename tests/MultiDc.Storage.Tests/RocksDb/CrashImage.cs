namespace MultiDc.Storage.Tests;

/// <summary>The files of an open store as a kill would leave them.</summary>
internal static class CrashImage
{
    /// <summary>
    /// Copies in an order that makes one moment of it: the manifest names only tables that exist, none is deleted meanwhile, and
    /// the write-ahead log comes after the manifest.
    /// </summary>
    public static void Take(RocksDbReplicaStore store, string folder, string image)
    {
        Directory.CreateDirectory(image);
        using var kept = store.Database.KeepFiles();
        for (var order = 0; order <= 3; order++)
        {
            // Listed again: the manifest may name tables that are newer than the first list.
            foreach (var file in Directory.GetFiles(folder).Where(file => Order(file) == order))
            {
                var name = Path.GetFileName(file);
                if (name != "LOCK" && !name.StartsWith("LOG", StringComparison.Ordinal))
                {
                    Copy(file, Path.Combine(image, name));
                }
            }
        }
    }

    private static void Copy(string file, string copy)
    {
        try
        {
            File.Copy(file, copy);
        }
        catch (FileNotFoundException)
        {
            // Condemned before deletions were stopped, hence in no manifest that was copied after.
        }
    }

    private static int Order(string file) => Path.GetFileName(file) switch
    {
        "CURRENT" => 0,
        var name when name.StartsWith("MANIFEST", StringComparison.Ordinal) => 1,
        var name when name.EndsWith(".log", StringComparison.Ordinal) => 2,
        _ => 3,
    };
}
