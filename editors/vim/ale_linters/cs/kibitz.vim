call kibitz#ale#Define('cs')
