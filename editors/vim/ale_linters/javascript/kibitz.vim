call kibitz#ale#Define('javascript')
