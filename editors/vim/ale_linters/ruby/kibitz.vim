call kibitz#ale#Define('ruby')
