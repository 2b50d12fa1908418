using MultiDc.Comparison.Commands;

return await ComparisonCommand.Create().Parse(args).InvokeAsync();
