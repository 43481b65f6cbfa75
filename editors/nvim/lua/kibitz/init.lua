--- What a configuration may call. Everything else in lua/kibitz is the plugin's own.
local M = {}

--- What kibitz is doing, for a status line: `kibitz 2 $0.0031`. Empty where it does not run.
---@param buffer? integer 0 or nil: the current one
---@return string
function M.status(buffer)
  return require('kibitz.status').line(buffer)
end

--- Change settings of the running server, at once, and of those that start later.
---@param settings table<string, any> as in docs/settings.md: `{ min_severity = 'warning' }`
function M.configure(settings)
  require('kibitz.server').configure(settings)
end

--- Run a command as `:Kibitz` does.
---@param name string such as `analyze`
---@param argument? string
function M.run(name, argument)
  require('kibitz.commands').run({ fargs = { name, argument } })
end

return M
