--- What is said to the user. All of it goes through `vim.notify`, where plugins can show it their own way.
local M = {}

local LEVELS = { vim.log.levels.ERROR, vim.log.levels.WARN, vim.log.levels.INFO, vim.log.levels.DEBUG }

--- How many of the server's answers are shown in another way, so that what it says is not said twice.
local quiet = 0

---@param text string
---@param level integer of `vim.log.levels`
local function notify(text, level)
  vim.notify(text, level, { title = 'kibitz' })
end

---@param text string
function M.warn(text)
  notify('kibitz: ' .. text, vim.log.levels.WARN)
end

---@param text string
function M.tell(text)
  notify('kibitz: ' .. text, vim.log.levels.INFO)
end

--- Show what the server says.
---@param params lsp.ShowMessageParams
function M.show(params)
  if quiet == 0 then
    notify(params.message, LEVELS[params.type] or vim.log.levels.INFO)
  end
end

--- Let what the server says pass in silence until the function that is returned is called.
---@return fun()
function M.hush()
  quiet = quiet + 1
  local over = false
  return function()
    quiet, over = over and quiet or quiet - 1, true
  end
end

return M
