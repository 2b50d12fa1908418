using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace MultiDc.Raft;

/// <summary>
/// Checks of what cannot happen unless the code or the disk is wrong. On in Release: the replica stops, its files stay, an alert rises;
/// liveness is lost and safety kept.
/// </summary>
public static class Invariant
{
    /// <summary>Throws <see cref="RaftInvariantException"/> unless the condition holds.</summary>
    /// <param name="condition">What must be true.</param>
    /// <param name="because">The rule in words, with its section where it has one.</param>
    /// <param name="expression">Filled in by the compiler.</param>
    public static void Require(
        [DoesNotReturnIf(false)] bool condition,
        string because,
        [CallerArgumentExpression(nameof(condition))] string expression = "")
    {
        if (!condition)
        {
            throw new RaftInvariantException($"{because} [{expression}]");
        }
    }
}

/// <summary>The impossible happened: the replica that threw this must stop and must not be restarted over the same state unexamined.</summary>
public sealed class RaftInvariantException(string message) : Exception(message);
