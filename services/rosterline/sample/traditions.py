"""Given and family names by the tradition that they come from: plain data for `names`.

The first names of a list are the frequent ones. A district's mix is invented, no census.
"""

from typing import NamedTuple


class Tradition(NamedTuple):
    """Names that usually go together, and how many families in a thousand bear them."""

    share: int
    feminine: tuple[str, ...]
    masculine: tuple[str, ...]
    family: tuple[str, ...]
    own_script: tuple[str, ...] = ()


def listed(text: str) -> tuple[str, ...]:
    """The names of a text, which are divided by commas."""
    return tuple(name.strip() for name in text.split(","))


ENGLISH = Tradition(
    300,
    listed(
        "Emma, Olivia, Ava, Charlotte, Amelia, Harper, Evelyn, Abigail, Emily, Ella, Scarlett, "
        "Grace, Lily, Hannah, Addison, Zoey, Stella, Hazel, Violet, Claire, Audrey, Ruby, "
        "Caroline, Piper, Sadie, Naomi, Eleanor, Madeline, Josephine, Mary-Kate"
    ),
    listed(
        "Liam, Noah, James, Benjamin, Lucas, Henry, William, Jack, Owen, Wyatt, Samuel, Levi, "
        "Joseph, Thomas, Caleb, Isaac, Hudson, Grayson, Ezra, Nolan, Elias, Miles, Wesley, "
        "Everett, Theodore, August, Silas, Bennett, Jasper, Billy Ray"
    ),
    listed(
        "Smith, Johnson, Williams, Brown, Jones, Miller, Davis, Wilson, Anderson, Taylor, Moore, "
        "Jackson, White, Harris, Clark, Lewis, Robinson, Walker, Young, Allen, King, Wright, "
        "Hill, Green, Adams, Baker, Nelson, Carter, Mitchell, Roberts, Turner, Phillips, "
        "Campbell, Parker, Evans, Edwards, Collins, Stewart, Morris, Rogers, Reed, Cook, Bell, "
        "Bailey, Cooper, Richardson, Cox, Howard, Ward, Brooks, Bennett, Hughes, Price, Long, "
        "Foster, Sanders, Ross, Powell, Jenkins, Perry, Fairweather, Ellsworth-Hale"
    ),
)
SPANISH = Tradition(
    240,
    listed(
        "Sofía, Isabella, Camila, Valentina, Lucía, Ximena, Mariana, Daniela, Gabriela, Elena, "
        "Natalia, Andrea, Paola, Guadalupe, Inés, Araceli, Pilar, Marisol, Rocío, Itzel"
    ),
    listed(
        "Mateo, Santiago, Sebastián, Diego, José, Juan, Luis, Ángel, Carlos, Miguel, Alejandro, "
        "Jesús, Joaquín, Emiliano, Andrés, Rafael, Martín, Íñigo, Tomás, Raúl"
    ),
    listed(
        "García, Rodríguez, Martínez, Hernández, López, González, Pérez, Sánchez, Ramírez, "
        "Torres, Flores, Rivera, Gómez, Díaz, Reyes, Morales, Cruz, Ortiz, Gutiérrez, Chávez, "
        "Ramos, Ruiz, Álvarez, Mendoza, Vásquez, Castillo, Jiménez, Moreno, Romero, Herrera, "
        "Aguilar, Peña, Muñoz, Ibáñez, de la Cruz, Núñez Ochoa"
    ),
)
VIETNAMESE = Tradition(
    50,
    listed("Linh, Thảo, Mai, Ngọc, Hương, Trang, Quỳnh, Lan, Vy, Hạnh"),
    listed("Minh, Đức, Huy, Tuấn, Khoa, Bảo, Quân, Hùng, Sơn, Thiện"),
    listed("Nguyễn, Trần, Lê, Phạm, Huỳnh, Hoàng, Phan, Vũ, Võ, Đặng, Bùi, Đỗ, Hồ, Ngô, Dương"),
)
CHINESE = Tradition(
    50,
    listed("Mei, Xinyi, Jiaqi, Yuxuan, Lihua, Xiaoling, Wenjing, Yue, Ruolan, Shuang"),
    listed("Wei, Haoran, Zihan, Junjie, Yichen, Bowen, Tianyu, Chenxi, Jian, Guoliang"),
    listed(
        "Wang, Li, Zhang, Liu, Chen, Yang, Huang, Zhao, Wu, Zhou, Xu, Sun, Ma, Zhu, Hu, Guo, "
        "He, Lin, Luo, Lü"
    ),
    listed("欣怡, 浩然, 子涵, 美玲, 俊杰, 雨轩"),
)
KOREAN = Tradition(
    30,
    listed("Seo-yeon, Ji-woo, Min-ji, Ha-eun, Soo-ah, Yuna, Eun-ji, Da-hye"),
    listed("Min-jun, Seo-jun, Do-yun, Ji-ho, Hyun-woo, Jae-won, Tae-yang, Sung-min"),
    listed("Kim, Lee, Park, Choi, Jung, Kang, Cho, Yoon, Jang, Lim, Han, Shin, Seo, Kwon, Hwang"),
    listed("서연, 지우, 민준, 하은, 도윤"),
)
JAPANESE = Tradition(
    20,
    listed("Yui, Hina, Sakura, Aoi, Haruka, Emi, Naoko, Misaki"),
    listed("Haruto, Yūto, Sōta, Riku, Ren, Kenji, Daichi, Takumi"),
    listed("Satō, Suzuki, Takahashi, Tanaka, Watanabe, Itō, Yamamoto, Nakamura, Kobayashi, Ōno"),
    listed("美咲, 葵, 陽翔, 蓮"),
)
INDIAN = Tradition(
    60,
    listed(
        "Aanya, Diya, Saanvi, Priya, Anika, Meera, Kavya, Riya, Lakshmi, Nandini, Harpreet, Ishani"
    ),
    listed(
        "Aarav, Arjun, Vihaan, Rohan, Krishna, Aditya, Dev, Nikhil, Sanjay, Gurpreet, Raj, Kabir"
    ),
    listed(
        "Patel, Singh, Sharma, Kumar, Gupta, Shah, Reddy, Kaur, Rao, Desai, Iyer, Nair, Joshi, "
        "Mehta, Chaudhary, Banerjee, Krishnamurthy, Subramanian"
    ),
    listed("प्रिया, अर्जुन, मीरा"),
)
ARABIC = Tradition(
    40,
    listed("Fatima, Layla, Aisha, Maryam, Noor, Zaynab, Salma, Hala, Yasmin, Rania"),
    listed("Omar, Ali, Yusuf, Ibrahim, Khalid, Hassan, Ahmed, Tariq, Bilal, Samir"),
    listed(
        "Ahmed, Hassan, Ali, Khan, Hussein, Abdullah, Rahman, Saleh, Haddad, Nasser, Al-Masri, "
        "El-Amin, Khoury, Abdi, Farah, Warsame"
    ),
)
AFRICAN = Tradition(
    50,
    listed("Amara, Chidinma, Ngozi, Adaeze, Abena, Makena, Zuri, Folasade, Hiwot, Selam"),
    listed("Chukwuemeka, Kwame, Kofi, Tunde, Obinna, Jabari, Dawit, Sekou, Emeka, Amadou"),
    listed(
        "Okafor, Mensah, Adeyemi, Okonkwo, Diallo, Traoré, Owusu, Mwangi, Tesfaye, Bekele, "
        "Eze, N'Diaye, M'Bala, Kamara, Oyelaran, Abebe"
    ),
)
IRISH = Tradition(
    50,
    listed("Saoirse, Aoife, Siobhán, Maeve, Niamh, Fiona, Bridget, Róisín"),
    listed("Connor, Declan, Aidan, Seán, Ronan, Finn, Cillian, Pádraig"),
    listed(
        "Murphy, O'Brien, Kelly, O'Connor, Sullivan, O'Neill, Walsh, McCarthy, Doyle, Gallagher, "
        "Doherty, Kennedy, Lynch, Murray, Quinn, McLaughlin, Carroll, O'Shaughnessy"
    ),
)
GERMANIC = Tradition(
    60,
    listed("Anna, Greta, Ingrid, Astrid, Freya, Liesel, Sørine, Birgitta, Maren, Käthe"),
    listed("Lars, Erik, Bjørn, Jürgen, Otto, Magnus, Søren, Klaus, Anders, Åke"),
    listed(
        "Schmidt, Müller, Schneider, Weber, Wagner, Becker, Hoffmann, Schäfer, Koch, Krüger, "
        "Weiß, Hansen, Olsen, Larsen, Johansson, Lindqvist, Sjöberg, Ødegård, Bjørnstad, "
        "van der Berg, de Vries, Dijkstra"
    ),
)
SLAVIC = Tradition(
    40,
    listed("Zofia, Zuzanna, Anastasia, Daria, Kateřina, Milica, Oksana, Agnieszka, Jadwiga"),
    listed("Jakub, Dmitri, Nikola, Paweł, Ondřej, Miloš, Bohdan, Stanisław, Łukasz"),
    listed(
        "Kowalski, Nowak, Wiśniewski, Wójcik, Kamiński, Szymański, Dvořák, Novotný, Petrov, "
        "Ivanov, Shevchenko, Kovalenko, Jovanović, Đorđević, Horvat, Čapek"
    ),
)
ROMANCE = Tradition(
    50,
    listed("Giulia, Chiara, Francesca, Amélie, Zoé, Élodie, Beatriz, Conceição, Ioana, Noémie"),
    listed("Luca, Matteo, Antoine, Étienne, François, João, Gonçalo, Ștefan, Giovanni, Théo"),
    listed(
        "Rossi, Russo, Ferrari, Esposito, D'Angelo, De Luca, Dubois, Lefèvre, Côté, Gagné, "
        "Silva, Santos, Ferreira, Gonçalves, Araújo, Popescu, Țurcanu, Saint-Pierre"
    ),
)
PACIFIC = Tradition(
    40,
    listed("Leilani, Malia, Kailani, Sina, Tala, Luz, Mahina, Analyn, Divina, Lani"),
    listed("Keoni, Kai, Sione, Tavita, Makoa, Jun, Rodel, Ikaika, Tui, Nainoa"),
    listed(
        "Santos, Reyes, Bautista, Ocampo, Villanueva, Dela Cruz, Kealoha, Kahananui, Ka'ahumanu, "
        "Fa'asavalu, Tupou, Leota, Manalo, Macaraeg, Tuilagi, Ha'o"
    ),
)
NATIVE = Tradition(
    20,
    listed("Aiyana, Winona, Dyani, Kaya, Chenoa, Halona, Sunniva, Nizhoni"),
    listed("Dakota, Takoda, Ahanu, Chayton, Wyandot, Mato, Kanen, Niyol"),
    listed(
        "Begay, Yazzie, Benally, Tsosie, Whitehorse, Two Bulls, Redcloud, Runningwater, "
        "Black Elk, Littlefeather, Nez, Spotted Eagle"
    ),
)
TRADITIONS: tuple[Tradition, ...] = (
    ENGLISH, SPANISH, VIETNAMESE, CHINESE, KOREAN, JAPANESE, INDIAN, ARABIC, AFRICAN, IRISH,
    GERMANIC, SLAVIC, ROMANCE, PACIFIC, NATIVE,
)  # fmt: skip
