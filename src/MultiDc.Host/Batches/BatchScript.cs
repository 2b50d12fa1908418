using System.Globalization;
using System.Text;
using MultiDc.Client;
using MultiDc.Grains;

namespace MultiDc.Host.Batches;

/// <summary>Which list of a batch a statement belongs to.</summary>
internal enum BatchSection
{
    If,
    Then,
    Else,
}

/// <summary>A statement of a batch is wrong; the message says how.</summary>
internal sealed class BatchStatementException(string message) : Exception(message);

/// <summary>A batch in words: conditions and operations, a statement each, as arguments or as lines that begin with their section.</summary>
internal sealed class BatchScript
{
    private const string Conditions = "'exists KEY', 'absent KEY', 'value KEY = VALUE', or 'version KEY', 'created KEY' or 'modified KEY' with =, < or > and a number";
    private const string Operations = "'get KEY', 'put KEY VALUE', 'delete KEY', 'add KEY NUMBER', 'append KEY VALUE' or 'max KEY NUMBER'";

    private readonly List<Compare> conditions = [];
    private readonly List<WriteOperation> then = [];
    private readonly List<WriteOperation> otherwise = [];

    public bool IsEmpty => conditions.Count == 0 && then.Count == 0 && otherwise.Count == 0;

    public BatchOperation ToBatch() => BatchOperation.Of(conditions, then, otherwise);

    /// <summary>Adds a line of a file: a section and a statement. Empty ones and comments say nothing.</summary>
    /// <exception cref="BatchStatementException">It is wrong.</exception>
    public void AddLine(string line)
    {
        switch (WordsOf(line))
        {
            case []:
                break;
            case [{ Text: "if", IsQuoted: false }, .. var condition]:
                Add(BatchSection.If, condition);
                break;
            case [{ Text: "then", IsQuoted: false }, .. var operation]:
                Add(BatchSection.Then, operation);
                break;
            case [{ Text: "else", IsQuoted: false }, .. var operation]:
                Add(BatchSection.Else, operation);
                break;
            case [var first, ..]:
                throw new BatchStatementException($"a line begins with if, then or else, not with '{first.Text}'");
        }
    }

    /// <summary>Adds a statement.</summary>
    /// <exception cref="BatchStatementException">It is wrong.</exception>
    public void Add(BatchSection section, string statement) => Add(section, WordsOf(statement));

    private void Add(BatchSection section, Word[] words)
    {
        if (words is [])
        {
            throw new BatchStatementException($"nothing follows {(section == BatchSection.If ? "if" : section == BatchSection.Then ? "then" : "else")}");
        }

        if (section == BatchSection.If)
        {
            conditions.Add(ConditionOf(words));
        }
        else
        {
            (section == BatchSection.Then ? then : otherwise).Add(OperationOf(words));
        }
    }

    private static Compare ConditionOf(Word[] words) => words switch
    {
        [{ Text: "exists" }, var key] => When.Exists(key.Text),
        [{ Text: "absent" }, var key] => When.Absent(key.Text),
        [{ Text: "value" }, var key, { Text: "=" }, var value] => When.ValueEquals(key.Text, value.Text),
        [{ Text: "value" }, _, _, _] => throw new BatchStatementException("values can only be compared with ="),
        [{ Text: "version" }, var key, var relation, var number] => Compare.Version(Bytes(key), RelationOf(relation), NumberOf(number)),
        [{ Text: "created" }, var key, var relation, var number] => Compare.CreateRevision(Bytes(key), RelationOf(relation), new(NumberOf(number))),
        [{ Text: "modified" }, var key, var relation, var number] => Compare.ModifyRevision(Bytes(key), RelationOf(relation), new(NumberOf(number))),
        _ => throw new BatchStatementException($"'{TextOf(words)}' is no condition: {Conditions}"),
    };

    private static WriteOperation OperationOf(Word[] words) => words switch
    {
        [{ Text: "get" }, var key] => Do.Get(key.Text),
        [{ Text: "put" }, var key, var value] => Do.Put(key.Text, value.Text),
        [{ Text: "delete" }, var key] => Do.Delete(key.Text),
        [{ Text: "add" }, var key, var number] => Do.Add(key.Text, SignedOf(number)),
        [{ Text: "append" }, var key, var value] => Do.Append(key.Text, value.Text),
        [{ Text: "max" }, var key, var number] => Do.Max(key.Text, SignedOf(number)),
        _ => throw new BatchStatementException($"'{TextOf(words)}' is no operation: {Operations}"),
    };

    private static CompareRelation RelationOf(Word word) => word.Text switch
    {
        "=" => CompareRelation.Equal,
        "<" => CompareRelation.Less,
        ">" => CompareRelation.Greater,
        _ => throw new BatchStatementException($"numbers are compared with =, < or >, not with '{word.Text}'"),
    };

    private static ulong NumberOf(Word word) => ulong.TryParse(word.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw new BatchStatementException($"'{word.Text}' is no revision or version: a whole number from 0 to {ulong.MaxValue}");

    private static long SignedOf(Word word) => long.TryParse(word.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw new BatchStatementException($"'{word.Text}' is no whole number from {long.MinValue} to {long.MaxValue}");

    private static byte[] Bytes(Word word) => Encoding.UTF8.GetBytes(word.Text);

    private static string TextOf(Word[] words) => string.Join(' ', words.Select(static word => word.Text));

    private readonly record struct Word(string Text, bool IsQuoted);

    // Words stand between spaces. In double quotes they may have spaces; there \" \\ \n \r \t are what they are in JSON. A # before a word begins a comment.
    private static Word[] WordsOf(string text)
    {
        var words = new List<Word>();
        for (var at = 0; at < text.Length;)
        {
            if (char.IsWhiteSpace(text[at]))
            {
                at++;
            }
            else if (text[at] == '#')
            {
                break;
            }
            else if (text[at] == '"')
            {
                words.Add(new(QuotedOf(text, ref at), true));
            }
            else
            {
                var end = at;
                while (end < text.Length && !char.IsWhiteSpace(text[end]))
                {
                    end++;
                }

                words.Add(new(text[at..end], false));
                at = end;
            }
        }

        return [.. words];
    }

    private static string QuotedOf(string text, ref int at)
    {
        var word = new StringBuilder();
        for (at++; at < text.Length; at++)
        {
            switch (text[at])
            {
                case '"' when ++at == text.Length || char.IsWhiteSpace(text[at]):
                    return word.ToString();
                case '"':
                    throw new BatchStatementException($"a space must follow the quotes around '{word}'");
                case '\\' when at + 1 < text.Length:
                    word.Append(text[++at] switch
                    {
                        '"' => '"',
                        '\\' => '\\',
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        var other => throw new BatchStatementException($"'\\{other}' means nothing in quotes"),
                    });
                    break;
                default:
                    word.Append(text[at]);
                    break;
            }
        }

        throw new BatchStatementException("the quotes are not closed");
    }
}
