call kibitz#ale#Define('go')
