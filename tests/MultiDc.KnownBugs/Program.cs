using MultiDc.KnownBugs;

return KnownBugsCommand.Create().Parse(args).Invoke();
