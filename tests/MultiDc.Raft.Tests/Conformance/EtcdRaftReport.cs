using System.Text;

namespace MultiDc.Raft.Tests;

/// <summary>The figures of a replay; tests/run.sh prints them.</summary>
internal static class EtcdRaftReport
{
    public static string Write()
    {
        var report = new StringBuilder("etcd Raft cases\n");
        Verbatim(report, "quorum", () => QuorumCases.Answer);
        Verbatim(report, "confchange", () => new ConfigurationChangeCases().Answer);
        if (Nothing(report, "interaction"))
        {
            return report.ToString();
        }

        var files = EtcdRaftCases.Files("interaction").Select(InteractionReplay.Run).ToList();
        var all = files.SelectMany(file => file).ToList();
        var agreed = all.Where(it => it.Differences.Count == 0).ToList();
        report.Append($"  interaction: {files.Count} files, {all.Count} directives, {agreed.Count} agree ({100.0 * agreed.Count / all.Count:F1} %)");
        report.Append($", {all.Sum(it => it.Facts)} facts compared; after {agreed.Count(it => it.Facts == 0)} of them the trace had told nothing\n");
        foreach (var cause in all.SelectMany(Causes).GroupBy(cause => cause).OrderByDescending(cause => cause.Count()))
        {
            report.Append($"    differ, {cause.Key}: {cause.Count()}\n");
        }

        return report.ToString();
    }

    private static IEnumerable<string> Causes(ReplayedDirective directive) =>
        directive.Differences.Select(difference => difference.Cause ?? "unexplained").Distinct();

    private static void Verbatim(StringBuilder report, string kind, Func<Func<Directive, string>> answers)
    {
        if (Nothing(report, kind))
        {
            return;
        }

        var files = EtcdRaftCases.Files(kind).Select(CaseFile.Read).ToList();
        var agreed = 0;
        foreach (var file in files)
        {
            var answer = answers();
            agreed += file.Count(directive => answer(directive) == directive.Expected);
        }

        report.Append($"  {kind}: {files.Count} files, {files.Sum(file => file.Count)} directives, {agreed} agree\n");
    }

    private static bool Nothing(StringBuilder report, string kind)
    {
        var why = EtcdRaftCases.WhyNothingIsReplayed(kind);
        report.Append(why is null ? "" : $"  {kind}: {why}\n");
        return why is not null;
    }
}
