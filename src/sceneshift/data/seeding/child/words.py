"""What made-up values are made of. To change a list changes every dataset."""

FIRST_NAMES = """
    Ada Adam Aisha Akira Alba Amara Amir Ana Andrés Anna Anton Arjun Astrid Aylin
    Beatriz Bilal Birgit Bruno Carla Chen Chiara Chidi Clara Claudio Dagny Daniel
    Daria David Diego Dmitri Edith Elena Elias Emeka Emil Emma Enzo Erik Esra Eva
    Farid Fatima Felix Fiona Francesca Freya Gabriel Giulia Grace Greta Gustav Hana
    Hanna Hassan Hugo Ida Imani Inga Ingrid Irina Isaac Ivan Jakub Jan Jana Javier
    Jonas José Julia Kaito Karin Katarina Kenji Kwame Lars Laura Layla Lena Leo Lin
    Lucía Luis Magnus Malik Marek Maria Marta Mateo Maya Mei Milan Mina Miriam Mona
    Nadia Naomi Nikola Nils Nina Noah Nora Oana Olga Oliver Omar Oskar Paula Pedro
    Petra Priya Rafael Rania Ravi Rosa Ruth Saira Samir Sara Sofia Søren Stefan Sven
    Tariq Tereza Theo Tomás Uma Valentina Vera Viktor Wei Yara Yusuf Zara Zoë
""".split()  # noqa: SIM905 - a line for each would be long

LAST_NAMES = """
    Abebe Adeyemi Ahmed Almeida Andersen Bakker Banerjee Barros Becker Bianchi
    Boateng Castillo Çelik Chen Costa Cruz Dahl Demir Diallo Dubois Eriksson
    Esposito Fernández Ferrari Fischer Fontaine García Ghosh Gomes Haddad Hansen
    Hassan Hernández Hoffmann Horvat Ibrahim Ito Ivanov Jansen Jensen Johansson
    Kamara Kaplan Kato Keller Khan Kim Kovács Kowalski Kumar Larsen Laurent Lefèvre
    Lehmann Lim Lindqvist López Mahmoud Marin Martins Mbeki Mehta Mensah Meyer
    Moreau Morel Müller Murphy Nakamura Nguyen Nielsen Novak Nowak Okafor Olsen
    Ortega Öztürk Park Patel Pereira Petrov Popescu Ramos Rao Ricci Rivera Romano
    Rossi Ruiz Sánchez Santos Sato Schmidt Schneider Sharma Silva Singh Sokolov
    Sørensen Suzuki Svensson Takahashi Tanaka Tran Vasquez Virtanen Visser Vogel
    Volkov Wagner Walker Wang Weber Wójcik Wong Yamamoto Yilmaz Zhang Zimmer
""".split()  # noqa: SIM905 - a line for each would be long

WORDS = """
    able account actual advice agree alert align answer apply archive area arrive
    ask audit balance basic batch begin better billing board bridge brief bright
    build button cache calm careful carry catalog center change charge check choice
    clean clear client close cloud collect color column common compare complete
    connect contact content copy core correct count cover create current customer
    daily data debug decide deep default deliver describe design detail device
    direct draft drive early easy edit empty enable engine ensure entry error
    estimate event exact example expect explain export extend fast feature feedback
    field filter final find first fit fix flag flow focus follow form format forward
    free fresh full gather general gentle give goal good grant graph group grow
    guide handle harbor head help hidden history hold hour idea image import improve
    index inform input invite invoice item job join journey keep key kind label
    language large later layer lead learn level light limit line link list load
    local long loop main map mark match measure member menu merge message meter
    middle migrate minor mobile mode model module month move name narrow near
    network new next night note notice number object offer office open option order
    outline output owner page panel parcel part partner path pause payment people
    period person phone place plain plan point policy prepare press preview price
    print profile progress project protect public queue quick quiet rate reach ready
    real reason record reduce refund region release remind remove render repair
    reply report request rest result return review right road role round route rule
    safe sample save scale schedule scope screen search season second secure send
    series service session settings shape share shelf ship short show signal simple
    size small solid sort source space speed stage start state step stock store
    story stream strong summary support sure switch table target task team template
    test text theme ticket time title token tool total trace track trade train
    transfer tree trial trip turn unit update upload usage user value verify version
    view visit voice wait walk warm watch week whole wide window work write year
    zone
""".split()  # noqa: SIM905 - a line for each would be long
