" The language server of kibitz, as a linter of ALE.

call ale#Set('kibitz_executable', 'kibitz')
call ale#Set('kibitz_config', {})

" LSP's names for languages; Vim has its own for these.
let s:languages = {'cs': 'csharp', 'sh': 'shellscript'}

function! kibitz#ale#Executable(buffer) abort
    return ale#Var(a:buffer, 'kibitz_executable')
endfunction

function! kibitz#ale#Root(buffer) abort
    for l:mark in ['.kibitz', '.git']
        let l:found = ale#path#FindNearestDirectory(a:buffer, l:mark)

        if !empty(l:found)
            return fnamemodify(l:found, ':h:h')
        endif
    endfor

    return expand('#' . a:buffer . ':p:h')
endfunction

function! kibitz#ale#Config(buffer) abort
    return {'kibitz': ale#Var(a:buffer, 'kibitz_config')}
endfunction

" Have ALE run kibitz for a file type, beside its other linters.
function! kibitz#ale#Define(filetype) abort
    call ale#linter#Define(a:filetype, {
    \   'name': 'kibitz',
    \   'lsp': 'stdio',
    \   'executable': function('kibitz#ale#Executable'),
    \   'command': '%e serve',
    \   'language': get(s:languages, a:filetype, a:filetype),
    \   'project_root': function('kibitz#ale#Root'),
    \   'lsp_config': function('kibitz#ale#Config'),
    \})
endfunction
