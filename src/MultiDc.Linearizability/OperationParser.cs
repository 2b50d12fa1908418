using System.Text.Json;

namespace MultiDc.Linearizability;

/// <summary>One line of a history: nine fields, each exactly once, nothing else.</summary>
internal static class OperationParser
{
    private static readonly string[] Fields = ["client", "op", "key", "value", "expect", "start", "end", "result", "output"];

    public static Operation Parse(ReadOnlySpan<byte> utf8, long line)
    {
        try
        {
            var operation = ReadObject(utf8, line);
            return OperationRules.Problem(operation) is { } problem ? throw new HistoryFormatException(line, problem) : operation;
        }
        catch (JsonException e)
        {
            throw new HistoryFormatException(line, $"not a JSON object (at byte {e.BytePositionInLine})", e);
        }
        catch (InvalidOperationException e)
        {
            // What the JSON reader throws for a string that is not UTF-8 or holds half a surrogate pair.
            throw new HistoryFormatException(line, "text that is not valid Unicode", e);
        }
    }

    private static Operation ReadObject(ReadOnlySpan<byte> utf8, long line)
    {
        var json = new Utf8JsonReader(utf8);
        if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
        {
            throw new HistoryFormatException(line, "not a JSON object");
        }

        var texts = new string?[Fields.Length];
        var numbers = new long?[Fields.Length];
        var seen = 0;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var name = json.GetString()!;
            var field = Array.IndexOf(Fields, name);
            if (field < 0)
            {
                throw new HistoryFormatException(line, $"unknown field \"{name}\"");
            }

            if ((seen & (1 << field)) != 0)
            {
                throw new HistoryFormatException(line, $"field \"{name}\" twice");
            }

            seen |= 1 << field;
            json.Read();
            ReadValue(ref json, field, texts, numbers, line);
        }

        // Whatever follows the object makes Read throw.
        json.Read();
        for (var field = 0; field < Fields.Length; field++)
        {
            if ((seen & (1 << field)) == 0)
            {
                throw new HistoryFormatException(line, $"field \"{Fields[field]}\" is missing");
            }
        }

        return new Operation
        {
            Client = (int)numbers[0]!.Value,
            Kind = OperationNames.Kind(texts[1]) ?? throw new HistoryFormatException(line, $"unknown op \"{texts[1]}\""),
            Key = texts[2]!,
            Value = texts[3],
            Expect = texts[4],
            Start = numbers[5]!.Value,
            End = numbers[6],
            Result = OperationNames.Result(texts[7]) ?? throw new HistoryFormatException(line, $"unknown result \"{texts[7]}\""),
            Output = texts[8],
        };
    }

    private static void ReadValue(ref Utf8JsonReader json, int field, string?[] texts, long?[] numbers, long line)
    {
        var name = Fields[field];
        var isNumber = name is "client" or "start" or "end";
        var mayBeNull = name is "value" or "expect" or "end" or "output";
        switch (json.TokenType)
        {
            case JsonTokenType.Null when mayBeNull:
                return;
            case JsonTokenType.Number when isNumber && json.TryGetInt64(out var number) && (name != "client" || number == (int)number):
                numbers[field] = number;
                return;
            case JsonTokenType.String when !isNumber:
                texts[field] = json.GetString();
                return;
            default:
                var wanted = (name, isNumber) switch
                {
                    ("client", _) => "a 32-bit integer",
                    (_, true) => "a 64-bit integer",
                    _ => "a string",
                };
                throw new HistoryFormatException(line, $"field \"{name}\" is not {wanted}{(mayBeNull ? " or null" : "")}");
        }
    }
}
