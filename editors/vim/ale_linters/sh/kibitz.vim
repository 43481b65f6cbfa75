call kibitz#ale#Define('sh')
