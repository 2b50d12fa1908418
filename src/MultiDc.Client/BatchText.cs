using System.Text;
using MultiDc.Grains;

namespace MultiDc.Client;

/// <summary>Conditions of a batch on keys and values as text, in UTF-8.</summary>
public static class When
{
    /// <inheritdoc cref="Compare.Exists"/>
    public static Compare Exists(string key) => Compare.Exists(Encoding.UTF8.GetBytes(key));

    /// <inheritdoc cref="Compare.Absent"/>
    public static Compare Absent(string key) => Compare.Absent(Encoding.UTF8.GetBytes(key));

    /// <inheritdoc cref="Compare.ValueEquals"/>
    public static Compare ValueEquals(string key, string value) => Compare.ValueEquals(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value));

    /// <summary>The key was created by this revision, and not deleted since.</summary>
    public static Compare CreatedAt(string key, Revision revision) => Compare.CreateRevision(Encoding.UTF8.GetBytes(key), CompareRelation.Equal, revision);

    /// <summary>The key was changed last by this revision: it is as it was read.</summary>
    public static Compare ModifiedAt(string key, Revision revision) => Compare.ModifyRevision(Encoding.UTF8.GetBytes(key), CompareRelation.Equal, revision);
}

/// <summary>Operations of a batch on keys and values as text, in UTF-8.</summary>
public static class Do
{
    /// <summary>Reads a key, as the operations before it left it: see <see cref="StepResult.Entry"/>.</summary>
    public static WriteOperation Get(string key) => new GetOperation(Encoding.UTF8.GetBytes(key));

    /// <summary>Sets a key, see <see cref="PutOperation"/>.</summary>
    public static WriteOperation Put(string key, string value) => new PutOperation(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value));

    /// <summary>Removes a key; does nothing when there is none.</summary>
    public static WriteOperation Delete(string key) => new DeleteOperation(Encoding.UTF8.GetBytes(key));

    /// <summary>Adds to the number that a key has, 0 when it is absent: see <see cref="AddOperation"/>. The whole batch is rejected when it has something else, or the sum is too large.</summary>
    public static WriteOperation Add(string key, long delta) => new AddOperation(Encoding.UTF8.GetBytes(key), delta);

    /// <summary>Appends to the value that a key has, an empty one when it is absent: see <see cref="AppendOperation"/>. The whole batch is rejected when it becomes too long.</summary>
    public static WriteOperation Append(string key, string value) => new AppendOperation(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value));

    /// <summary>Raises the number that a key has to at least this one: see <see cref="MaxOperation"/>. The whole batch is rejected when it has something else.</summary>
    public static WriteOperation Max(string key, long number) => new MaxOperation(Encoding.UTF8.GetBytes(key), number);
}
