--- The findings in a buffer, as Neovim shows them.
local messages = require('kibitz.messages')

local M = {}

---@class kibitz.Finding
---@field uri string
---@field id string
---@field title string
---@field start lsp.Position where it begins, in the server's columns
---@field dismissed boolean

--- Those on the line of the cursor.
---@return kibitz.Finding[]
function M.here()
  local buffer, row = vim.api.nvim_get_current_buf(), vim.api.nvim_win_get_cursor(0)[1] - 1
  local found = {}
  for _, diagnostic in ipairs(vim.diagnostic.get(buffer)) do
    local sent = vim.tbl_get(diagnostic, 'user_data', 'lsp') or {}
    local data = sent.data
    local there = diagnostic.lnum <= row and row <= (diagnostic.end_lnum or diagnostic.lnum)
    if diagnostic.source == 'kibitz' and there and type(data) == 'table' and data.id then
      table.insert(found, {
        uri = vim.uri_from_bufnr(buffer),
        id = data.id,
        title = vim.split(diagnostic.message, '\n')[1],
        start = sent.range.start,
        dismissed = data.dismissed == true,
      })
    end
  end
  return found
end

--- Have one of those on the line chosen; only several are asked about.
---@param dismissed boolean whether one that was dismissed is wanted
---@param use fun(finding: kibitz.Finding)
function M.choose(dismissed, use)
  local found = vim.iter(M.here()):filter(function(finding)
    return finding.dismissed == dismissed
  end):totable()
  if #found == 0 then
    return messages.warn(dismissed
      and 'there is no dismissed finding on this line (:Kibitz dismissed shows them)'
      or 'there is no finding on this line')
  end
  if #found == 1 then
    return use(found[1])
  end
  local options = { prompt = 'Which finding?', format_item = function(finding) return finding.title end }
  vim.ui.select(found, options, function(finding)
    if finding then
      use(finding)
    end
  end)
end

return M
