" :Kibitz, and the status for a status line.

" What the server executes, and whether it is about the file.
let s:commands = {
\   'analyze': ['analyzeDocument', 1],
\   'workspace': ['analyzeWorkspace', 0],
\   'stop': ['stop', 0],
\   'pause': ['pause', 0],
\   'resume': ['resume', 0],
\   'dismissed': ['showDismissed', 1],
\   'status': ['showStatus', 0],
\   'usage': ['showUsage', 0],
\   'usage-report': ['usageReport', 0],
\   'request': ['showRequest', 1],
\   'doctor': ['doctor', 0],
\   'bug-report': ['bugReport', 0],
\   'reload-key': ['reloadKey', 0],
\   'clear-cache': ['clearCache', 0],
\   'raise-budget': ['raiseBudget', 0],
\}
let s:said = {
\   'workspace': 'all files are reviewed now; open ones show what is found',
\   'stop': 'what was under way is cancelled',
\   'pause': 'paused; go on with :Kibitz resume',
\   'resume': 'goes on',
\}
let s:marks = {'off': ' off', 'paused': ' paused', 'degraded': ' !', 'busy': ' …', 'idle': ''}
let s:status = {}
let s:timer = -1

function! s:Warn(text) abort
    echohl WarningMsg
    echomsg 'kibitz: ' . a:text
    echohl None
endfunction

function! kibitz#Complete(lead, line, position) abort
    return join(sort(keys(s:commands)), "\n")
endfunction

" Whether the server is up. A request while ALE starts one would cost ALE the findings.
function! s:Runs() abort
    let l:begin = kibitz#ale#Executable(bufnr('')) . ':'

    return !empty(filter(values(ale#lsp#GetConnections()), {_, conn -> conn.initialized && stridx(conn.id, l:begin) == 0}))
endfunction

" Have the server execute a command; the callback gets what it answers.
function! s:Ask(name, arguments, Callback) abort
    if !s:Runs()
        return 0
    endif

    let l:message = ale#lsp#message#ExecuteCommand('kibitz.' . a:name, a:arguments)

    try
        return ale#lsp_linter#SendRequest(bufnr(''), 'kibitz', l:message, a:Callback)
    catch /not found/
        return 0
    endtry
endfunction

function! kibitz#Run(name) abort
    let l:name = empty(a:name) ? 'status' : a:name

    if !has_key(s:commands, l:name)
        return s:Warn('there is no command "' . l:name . '". There are: ' . join(sort(keys(s:commands)), ', '))
    endif

    if !executable(kibitz#ale#Executable(bufnr('')))
        return s:Warn('the server is not installed: there is no command `' . kibitz#ale#Executable(bufnr(''))
        \   . '`. Install it so that it is on your PATH (with pipx or uv, as its README says), '
        \   . 'or name it in g:ale_kibitz_executable')
    endif

    let [l:command, l:about_file] = s:commands[l:name]
    let l:arguments = l:about_file ? [{'uri': ale#util#ToURI(expand('%:p'))}] : []

    if !s:Ask(l:command, l:arguments, function('s:Show', [l:name]))
        call s:Warn('it does not run here, or not yet. Open a file that it reviews (this one is of type "' . &filetype . '")')
    endif
endfunction

function! s:Show(name, response) abort
    if has_key(a:response, 'error')
        return s:Warn(a:response.error.message)
    endif

    let l:result = get(a:response, 'result', v:null)
    let l:text = get(s:said, a:name, '')

    if type(l:result) is v:t_string
        let l:text = l:result
    elseif type(l:result) is v:t_dict
        let l:text = get(l:result, 'text', '')
    endif

    let l:lines = split(l:text, "\n")

    " Of several lines that a callback says, Vim shows the last one only.
    if len(l:lines) > 1
        call ale#preview#Show(l:lines, {'stay_here': 1})
    elseif !empty(l:lines)
        echomsg 'kibitz: ' . l:lines[0]
    endif

    call kibitz#Refresh()
endfunction

" Ask what the server is doing, for the status line.
function! kibitz#Refresh() abort
    call s:Ask('status', [], function('s:Keep'))
endfunction

function! s:Keep(response) abort
    let l:result = get(a:response, 'result', v:null)
    let s:status = type(l:result) is v:t_dict ? l:result : {}
    redrawstatus!
    call timer_stop(s:timer)

    " That it is done is no news of findings, where they are the same.
    if get(s:status, 'state', '') is# 'busy'
        let s:timer = timer_start(1000, {-> kibitz#Refresh()})
    endif
endfunction

" What today cost, for people; empty if that is not known, or nothing.
function! s:Cost() abort
    let l:today = get(s:status, 'today', v:null)
    let l:usd = type(l:today) is v:t_dict ? get(l:today, 'costUsd', v:null) : v:null

    if type(l:usd) isnot v:t_float || l:usd <= 0
        return ''
    endif

    return printf(l:usd < 1 ? '$%.4f' : '$%.2f', l:usd)
endfunction

" For a status line: `kibitz 2 $0.0031`. Empty where nothing is known.
function! kibitz#Status() abort
    if empty(s:status)
        return ''
    endif

    let l:parts = ['kibitz' . get(s:marks, s:status.state, '')]

    if s:status.findings > 0
        call add(l:parts, s:status.findings)
    endif

    return substitute(trim(join(l:parts + [s:Cost()], ' ')), '%', '%%', 'g')
endfunction
