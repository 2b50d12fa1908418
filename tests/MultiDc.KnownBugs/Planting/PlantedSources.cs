namespace MultiDc.KnownBugs;

/// <summary>Product files with all bugs in them, asleep.</summary>
internal static class PlantedSources
{
    /// <summary>Every edited file's new text, by its path from the root.</summary>
    /// <exception cref="KnownBugException">A bug file has drifted: what it looks for is not there exactly once, or two bugs change the same text.</exception>
    public static IReadOnlyDictionary<string, string> Plant(Repository repository, IReadOnlyList<KnownBugFile> bugs)
    {
        var planted = new Dictionary<string, string>();
        foreach (var edits in bugs.SelectMany(static bug => bug.Edits.Select(edit => (Bug: bug, Edit: edit))).GroupBy(static e => e.Edit.Path))
        {
            var file = repository.PathOf(edits.Key);
            if (!File.Exists(file))
            {
                throw new KnownBugException($"{edits.First().Bug.Name} has drifted: there is no {edits.Key}");
            }

            planted.Add(edits.Key, Plant(File.ReadAllText(file), [.. edits]));
        }

        return planted;
    }

    /// <summary>What is wrong with each bug file by itself, if anything is.</summary>
    public static IReadOnlyList<string> FindDrift(Repository repository, IReadOnlyList<KnownBugFile> bugs)
    {
        var problems = new List<string>();
        foreach (var bug in bugs)
        {
            try
            {
                Plant(repository, [bug]);
            }
            catch (KnownBugException exception)
            {
                problems.Add(exception.Message);
            }
        }

        return problems;
    }

    /// <summary>One file's text with the edits in it.</summary>
    public static string Plant(string text, IReadOnlyList<(KnownBugFile Bug, Edit Edit)> edits)
    {
        var places = edits.Select(e => (At: Place(text, e.Bug, e.Edit), e.Bug, e.Edit)).OrderBy(static p => p.At).ToArray();
        for (var i = 1; i < places.Length; i++)
        {
            if (places[i].At < places[i - 1].At + places[i - 1].Edit.Find.Length)
            {
                throw new KnownBugException($"{places[i - 1].Bug.Name} and {places[i].Bug.Name} change the same text of {places[i].Edit.Path}");
            }
        }

        foreach (var (at, _, edit) in places.Reverse())
        {
            text = string.Concat(text.AsSpan(0, at), edit.Put, text.AsSpan(at + edit.Find.Length));
        }

        return text;
    }

    private static int Place(string text, KnownBugFile bug, Edit edit)
    {
        var at = text.IndexOf(edit.Find, StringComparison.Ordinal);
        var often = at < 0 ? "not" : text.IndexOf(edit.Find, at + 1, StringComparison.Ordinal) >= 0 ? "more than once" : null;
        return often is null ? at : throw new KnownBugException($"{bug.Name} has drifted: {edit.Path} has {often} this in it:\n{edit.Find}");
    }
}
