namespace MultiDc.Simulation;

/// <summary>Remembers the first violation of a run: checks speak up inside the product's own calls, which may swallow what they throw.</summary>
internal sealed class Violations
{
    public SafetyViolationException? First { get; private set; }

    public void Report(string check, string detail)
    {
        First ??= new(check, detail);
        throw First;
    }

    public void ThrowIfAny()
    {
        if (First is not null)
        {
            throw First;
        }
    }
}
