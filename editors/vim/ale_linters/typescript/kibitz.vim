call kibitz#ale#Define('typescript')
