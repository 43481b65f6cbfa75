--- `:Kibitz NAME`, and its completion.
local findings = require('kibitz.findings')
local messages = require('kibitz.messages')
local server = require('kibitz.server')

local M = {}

---@class kibitz.Command
---@field run fun(argument?: string)
---@field arguments? string[] what may follow the name

---@return {uri: string}
local function here()
  return { uri = vim.uri_from_bufnr(0) }
end

--- A command of the server that needs no more than its name.
---@param name string
---@param said? string what to say when it is done
---@return kibitz.Command
local function plain(name, said)
  return { run = function()
    server.ask('kibitz.' .. name, nil, said and function()
      messages.tell(said)
    end)
  end }
end

---@param finding kibitz.Finding
---@param more? table
---@return table
local function named(finding, more)
  return vim.tbl_extend('force', { uri = finding.uri, id = finding.id }, more or {})
end

---@param scope? string
local function dismiss(scope)
  findings.choose(false, function(finding)
    vim.ui.input({ prompt = 'Why is it dismissed? (may be empty) ' }, function(reason)
      if reason == nil then
        return messages.tell('nothing was dismissed')
      end
      reason = vim.trim(reason)
      local more = { scope = scope or 'finding', reason = reason ~= '' and reason or nil }
      server.ask('kibitz.dismiss', { named(finding, more) })
    end)
  end)
end

--- Show what the hover on a finding says, wherever in its line the cursor is.
---@param finding kibitz.Finding
local function hover(finding)
  local client = server.client()
  local params = { textDocument = { uri = finding.uri }, position = finding.start }
  if client == nil then
    return
  end
  client:request('textDocument/hover', params, function(_, result)
    if result and result.contents then
      local lines = vim.lsp.util.convert_input_to_markdown_lines(result.contents)
      local _, window = vim.lsp.util.open_floating_preview(lines, 'markdown', { focus_id = 'kibitz', max_width = 80 })
      vim.wo[window].linebreak = true
    end
  end)
end

--- The explanation is in the hover from then on, so that is how it is shown.
local function explain()
  findings.choose(false, function(finding)
    local listen = messages.hush()
    server.ask('kibitz.explain', { named(finding) }, function()
      hover(finding)
    end, listen)
  end)
end

---@param name string what it is
---@param text string
local function in_a_window(name, text)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split(text, '\n'))
  vim.bo[buffer].bufhidden = 'wipe'
  vim.bo[buffer].modifiable = false
  vim.api.nvim_buf_set_name(buffer, ('kibitz://%s/%d'):format(name, buffer))
  vim.keymap.set('n', 'q', '<C-W>c', { buffer = buffer, desc = 'Close this window' })
  vim.api.nvim_open_win(buffer, true, { split = 'below', height = math.min(15, #vim.split(text, '\n') + 1) })
  vim.wo.wrap = true
end

---@param offline? string
local function doctor(offline)
  local listen = messages.hush()
  server.ask('kibitz.doctor', { { offline = offline == 'offline' } }, function(result)
    in_a_window('doctor', result.text)
  end, listen)
end

local function request()
  local listen = messages.hush()
  server.ask('kibitz.showRequest', { here() }, function(result)
    in_a_window('request', result.text)
  end, listen)
end

--- Open the manual; where no plugin manager has made its tags, they are made now.
local function help()
  if not pcall(vim.cmd.help, 'kibitz') then
    local manual = vim.api.nvim_get_runtime_file('doc/kibitz.txt', false)[1]
    vim.cmd.helptags(vim.fn.fnameescape(vim.fs.dirname(manual)))
    vim.cmd.help('kibitz')
  end
end

---@type table<string, kibitz.Command>
M.commands = {
  analyze = { run = function() server.ask('kibitz.analyzeDocument', { here() }) end },
  workspace = plain('analyzeWorkspace'),
  stop = plain('stop', 'what was under way is cancelled'),
  pause = plain('pause', 'paused; go on with :Kibitz resume'),
  resume = plain('resume', 'goes on'),
  fix = { run = function()
    findings.choose(false, function(finding)
      server.ask('kibitz.fix', { named(finding) })
    end)
  end },
  explain = { run = explain },
  dismiss = { run = dismiss, arguments = { 'finding', 'rule' } },
  undismiss = { run = function()
    findings.choose(true, function(finding)
      server.ask('kibitz.undismiss', { named(finding) })
    end)
  end },
  dismissed = { run = function() server.ask('kibitz.showDismissed', { here() }) end },
  status = plain('showStatus'),
  usage = plain('showUsage'),
  ['usage-report'] = plain('usageReport'),
  request = { run = request },
  doctor = { run = doctor, arguments = { 'offline' } },
  ['bug-report'] = plain('bugReport'),
  ['reload-key'] = plain('reloadKey'),
  ['clear-cache'] = plain('clearCache'),
  ['raise-budget'] = plain('raiseBudget'),
  restart = { run = server.restart },
  log = { run = function() vim.cmd.tabedit(vim.fn.fnameescape(vim.lsp.log.get_filename())) end },
  help = { run = help },
}

--- All names, in the order of the alphabet.
---@return string[]
function M.names()
  return vim.iter(vim.spairs(M.commands)):map(function(name) return name end):totable()
end

---@param command {fargs: string[]} as Neovim gives it
function M.run(command)
  local name, argument = command.fargs[1] or 'status', command.fargs[2]
  local found = M.commands[name]
  if found == nil then
    return messages.warn(('there is no command "%s". There are: %s'):format(name, table.concat(M.names(), ', ')))
  end
  if argument and not vim.tbl_contains(found.arguments or {}, argument) then
    local may = found.arguments and 'takes ' .. table.concat(found.arguments, ' or ') or 'takes nothing more'
    return messages.warn(('"%s" %s, and not "%s"'):format(name, may, argument))
  end
  found.run(argument)
end

---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  local before = vim.split(vim.trim(line:sub(1, #line - #lead)), '%s+')
  local offered = {}
  if #before == 1 then
    offered = M.names()
  elseif #before == 2 and M.commands[before[2]] then
    offered = M.commands[before[2]].arguments or {}
  end
  return vim.tbl_filter(function(name) return vim.startswith(name, lead) end, offered)
end

return M
