using MultiDc.Simulation;

return SimulationCommand.Create().Parse(args).Invoke();
