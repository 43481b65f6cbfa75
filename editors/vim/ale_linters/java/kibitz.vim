call kibitz#ale#Define('java')
